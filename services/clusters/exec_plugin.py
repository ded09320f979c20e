"""Credentials from the program that a kubeconfig names (client authentication, ``client.authentication.k8s.io``).

The program runs without a terminal: a console on the same terminal would fight it for every key. A plugin that has to
ask a person fails here, and says so; after a login by hand it answers from its own cache.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from services.vocabulary.errors import FailureKind, SourceError

_SECONDS = 30.0
_HINT = "run kubectl once with this context to log in or to see what is wrong"


class Credential(msgspec.Struct, frozen=True, rename="camel"):
    """``ExecCredential.status``. The expiry is UTC; None means until refused."""

    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    status: Credential | None = None


async def run_plugin(name: str, declared: Mapping[str, Any], directory: Path, cluster: Mapping[str, Any]) -> Credential:
    """Run the program of a kubeconfig's ``user.exec`` and read what it prints.

    Args:
        name: what the person calls the source.
        declared: the ``exec`` section.
        directory: where that kubeconfig lies; a command with a slash is sought from there, never from the working
            directory.
        cluster: the kubeconfig's cluster section, told to a plugin that asks for it (``provideClusterInfo``).

    Raises:
        SourceError: there is no such program, or it gave no credential.
    """
    command = _command(name, str(declared.get("command") or ""), directory)
    version = str(declared.get("apiVersion") or "")
    spec: dict[str, Any] = {"interactive": False}
    if declared.get("provideClusterInfo"):
        spec["cluster"] = {key: value for key, value in cluster.items() if key != "extensions"}
    environment = {
        **os.environ,
        **{str(entry["name"]): str(entry["value"]) for entry in declared.get("env") or ()},
        "KUBERNETES_EXEC_INFO": json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec}),
    }
    output = await _output(name, command, [str(word) for word in declared.get("args") or ()], environment)
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except msgspec.MsgspecError as error:
        raise _failed(name, command, f"did not print an ExecCredential: {error}") from error
    status = answer.status
    if status is None or not (status.token or (status.client_certificate_data and status.client_key_data)):
        raise _failed(name, command, "gave neither a token nor a certificate with its key")
    if answer.api_version != version:
        raise _failed(name, command, f"answered in {answer.api_version}, the kubeconfig says {version}")
    return status


def _command(name: str, command: str, directory: Path) -> str:
    if "/" in command:
        found = shutil.which(str(directory / Path(command).expanduser()))
    else:
        found = shutil.which(command) if command else None
        if found and not os.path.isabs(found):
            raise SourceError(
                FailureKind.CONFIGURATION,
                f"{name}: the credential plugin {command} was found in the working directory and is not run",
                "take the relative entries out of PATH",
                sent=False,
            )
    if not found:
        raise SourceError(
            FailureKind.CONFIGURATION,
            f"{name}: the kubeconfig's credential plugin {command!r} is not installed",
            "install it, or check PATH",
            sent=False,
        )
    return found


async def _output(name: str, command: str, words: list[str], environment: Mapping[str, str]) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *words,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # no controlling terminal to prompt on
        )
    except OSError as error:
        raise _failed(name, command, f"cannot be run: {error}") from error
    try:
        async with asyncio.timeout(_SECONDS):
            output, complaint = await process.communicate()
    except TimeoutError as error:
        raise _failed(name, command, f"gave no answer within {_SECONDS:g}s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = " ".join(complaint.decode(errors="replace").split())[:200]
        raise _failed(name, command, f"ended with code {process.returncode}{': ' + said if said else ''}")
    return output


def _failed(name: str, command: str, what: str) -> SourceError:
    return SourceError(
        FailureKind.DENIED, f"{name}: the credential plugin {Path(command).name} {what}", _HINT, sent=False
    )
