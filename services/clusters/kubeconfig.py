"""A kubeconfig read into the settings of a client. Imports the Kubernetes package: see the room's note."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped]
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config
from kubernetes.aio.config.config_exception import ConfigException

from services.clusters.access import ClusterSettings
from services.clusters.exec_plugin import Credential, run_plugin
from services.vocabulary.errors import FailureKind, SourceError

# Not annotated by the package.
_as_file: Any = kube_config.FileOrData
_merge_files: Any = kube_config.KubeConfigMerger
_BaseLoader: Any = kube_config.KubeConfigLoader


@dataclass(frozen=True, slots=True)
class LoadedContext:
    """What a context says.

    Attributes:
        configuration: of the Kubernetes package's client; holds secrets.
        namespace: the context's own; empty where it names none.
        expires_at: when its credential ends (UTC); None where that is not known.
    """

    configuration: Configuration
    namespace: str
    expires_at: datetime | None


async def load_context(settings: ClusterSettings) -> LoadedContext:
    """Read the kubeconfig, and run its credential plugin where it has one.

    Raises:
        SourceError: the file, the context or the credentials cannot be used.
    """
    paths = kubeconfig_paths(settings)
    try:
        merged = await asyncio.to_thread(_merge, paths)
        if merged is None:
            raise _unusable(
                settings,
                f"there is no kubeconfig at {' or '.join(map(str, paths))}",
                "set kubeconfig to the absolute path of yours",
            )
        loader = _Loader(settings, merged)
        configuration: Configuration = type.__call__(Configuration)
        await loader.load_and_set(configuration)
    except (ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(settings, f"the kubeconfig cannot be used: {_line(error)}", "") from error
    if urlsplit(str(configuration.host)).scheme not in ("http", "https"):
        raise _unusable(settings, "the kubeconfig's cluster names no server", "give it server: https://…")
    if _is_loopback(str(configuration.host)):
        # A proxy of the environment cannot reach this machine's own loopback.
        configuration.client_session_kwargs = {"trust_env": False}
    elif urlsplit(str(configuration.host)).scheme == "http":
        # Like kubectl: credentials never travel in clear text.
        configuration.api_key.clear()
    context = loader.current_context["context"]
    return LoadedContext(configuration, str(context.get("namespace") or ""), loader.expires_at)


def kubeconfig_paths(settings: ClusterSettings) -> list[Path]:
    """The files that are read, as kubectl would find them.

    Raises:
        SourceError: one is relative.
    """
    if settings.kubeconfig:
        names = [settings.kubeconfig]
    elif os.environ.get("KUBECONFIG"):
        names = [name for name in os.environ["KUBECONFIG"].split(os.pathsep) if name]
    else:
        names = ["~/.kube/config"]
    paths = [Path(name).expanduser() for name in names]
    for path in paths:
        # A relative path would let any directory that holds such a file choose a program to run.
        if not path.is_absolute():
            raise _unusable(settings, f"the kubeconfig path {str(path)!r} is relative", "give its absolute path")
    return paths


def _merge(paths: list[Path]) -> Any:
    return _merge_files(os.pathsep.join(map(str, paths))).config


class _Loader(_BaseLoader):  # type: ignore[misc]
    """Runs credential plugins by our rules and never writes to the person's kubeconfig."""

    def __init__(self, settings: ClusterSettings, merged: Any) -> None:
        self._settings = settings
        self.expires_at: datetime | None = None
        super().__init__(merged, active_context=settings.context or None, config_base_path=None)

    async def load_from_exec_plugin(self) -> bool:
        path = Path(self._user.path)
        if not _is_own(path):
            raise _unusable(
                self._settings,
                f"the kubeconfig {path} names a credential plugin, but belongs to somebody else or all may write it",
                "own the file (chown, chmod go-w) or use another one",
            )
        credential = await run_plugin(
            self._settings.name, self._user["exec"].value, path.parent, _plain(self._cluster.value)
        )
        self.expires_at = credential.expiration_timestamp
        if credential.token:
            self.token = f"Bearer {credential.token}"
        if credential.client_certificate_data:
            self.cert_file, self.key_file = _files(credential)
        return True

    async def load_gcp_token(self) -> str:
        raise _unusable(self._settings, "the auth-provider gcp is gone from Kubernetes", "use gke-gcloud-auth-plugin")

    async def _refresh_oidc(self, _provider: Any) -> None:
        # Many providers take back a refresh token once it is used; the new one would have to be written to the
        # person's file. kubectl does that.
        raise SourceError(
            FailureKind.DENIED,
            f"{self._settings.name}: the OIDC token in the kubeconfig has expired",
            "run kubectl once with this context to renew it",
            sent=False,
        )


def _files(credential: Credential) -> tuple[str, str]:
    data = {"certificate-data": credential.client_certificate_data, "key-data": credential.client_key_data}
    certificate = _as_file(data, "certificate", base64_file_content=False).as_file()
    key = _as_file(data, "key", base64_file_content=False).as_file()
    return str(certificate), str(key)


def _is_own(path: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid in (0, os.getuid()) and not status.st_mode & 0o002


def _plain(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _unusable(settings: ClusterSettings, what: str, hint: str) -> SourceError:
    return SourceError(FailureKind.CONFIGURATION, f"{settings.name}: {what}", hint, sent=False)
