"""Secrets that are written down where a reference or a plugin should stand. Tells where, never what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from console.configuration.problems import Path as KeyPath
from console.configuration.problems import key_text
from console.configuration.references import is_reference
from console.examination.kubeconfigs import Kubeconfig
from console.examination.remark import Remark
from services.vocabulary.redaction import redact

_CHECK = "secrets"
_TELLING = re.compile(r"key|token|secret|passw|auth|cookie|credential|session", re.IGNORECASE)
_HINT = "write env:NAME, file:PATH or keyring:NAME instead"


def configured_texts(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every text of a configuration with its key."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from configured_texts(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from configured_texts(inner, (*path, name))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from configured_texts(inner, (*path, index))
    elif isinstance(value, str):
        yield path, value


def secret_files(settings: BaseModel) -> Iterator[Path]:
    """The files that the configuration takes secrets and private keys from."""
    texts = tuple(configured_texts(settings))
    # Without a key of its own, the gateway's is in the certificate's file.
    keys = ("client_cert", "tls_key" if any(path[-1] == "tls_key" for path, _ in texts) else "tls_cert")
    for path, text in texts:
        if text.startswith("file:"):
            yield Path(text.removeprefix("file:")).expanduser()
        elif path[-1] in keys:
            yield Path(text).expanduser()


def configuration_remarks(settings: BaseModel) -> Iterator[Remark]:
    """Secrets in headers, and in URLs of any kind."""
    for path, text in configured_texts(settings):
        if is_reference(text):
            continue
        if len(path) > 1 and path[-2] == "headers" and _TELLING.search(str(path[-1])):
            yield Remark(_CHECK, False, f"{key_text(path)} looks like a secret in plain text: {_HINT}")
        elif _has_password(text):
            yield Remark(_CHECK, False, f"{key_text(path)} holds a password in its URL: {_HINT}")


def kubeconfig_remarks(config: Kubeconfig) -> Iterator[Remark]:
    """Secrets that a credential plugin is handed in plain text, and passwords."""
    for name, cluster in config.clusters.items():
        for key in ("server", "proxy-url"):
            if _has_password(str(cluster.get(key, ""))):
                yield Remark(_CHECK, False, f"{config.path}: {key} of the cluster {name} holds a password in its URL")
    for name, user in config.users.items():
        if user.get("password"):
            said = f"{config.path}: the user {name} has a password in plain text: use a credential plugin"
            yield Remark(_CHECK, False, said)
        plugin = user.get("exec")
        if not isinstance(plugin, dict):
            continue
        for one in plugin.get("env") or ():
            if isinstance(one, dict) and one.get("value") and _TELLING.search(str(one.get("name"))):
                said = f"the environment of the plugin of the user {name} holds {one.get('name')} in plain text"
                yield Remark(_CHECK, False, f"{config.path}: {said}")
        arguments = " ".join(map(str, plugin.get("args") or ()))
        if redact(arguments) != arguments:
            yield Remark(_CHECK, False, f"{config.path}: the arguments of the plugin of the user {name} hold a secret")


def _has_password(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.password)
