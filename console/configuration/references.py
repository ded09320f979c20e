"""Secrets are named, never written down: ``env:NAME``, ``file:PATH``, ``keyring:SERVICE/USER``."""

from __future__ import annotations

import os
from pathlib import Path

from services.vocabulary.errors import ConsoleError

SCHEMES = ("env", "file", "keyring")
HINT = "write env:NAME, file:PATH or keyring:NAME"
_SERVICE = "sre-console"
_MOST = 64 * 1024


class SecretError(ConsoleError):
    """A reference leads to no secret. The message never holds the secret."""


def is_reference(text: str) -> bool:
    """Whether ``text`` names a secret instead of being one."""
    scheme, colon, rest = text.partition(":")
    return bool(colon) and scheme in SCHEMES and bool(rest)


def resolve(reference: str) -> str:
    """The secret itself. Trailing line ends of a file are not part of it.

    ``keyring:NAME`` asks the system's keyring for service ``sre-console`` and user ``NAME``;
    ``keyring:SERVICE/NAME`` for another service.

    Raises:
        SecretError: there is none.
    """
    scheme, _, name = reference.partition(":")
    if not is_reference(reference):
        raise SecretError("it is not a reference to a secret", HINT)
    secret = {"env": _from_environment, "file": _from_file, "keyring": _from_keyring}[scheme](name)
    if not secret:
        raise SecretError(f"{reference} is empty")
    if not secret.isprintable():
        raise SecretError(f"{reference} holds a line break or a control character", "keep one line of text in it")
    return secret


def _from_environment(name: str) -> str:
    secret = os.environ.get(name)
    if secret is None:
        raise SecretError(f"the environment variable {name} is not set", f"export {name}=… before you start")
    return secret.strip("\r\n")


def _from_file(name: str) -> str:
    path = Path(name).expanduser()
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MOST).rstrip("\r\n")
    except OSError as error:
        raise SecretError(f"the file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretError(f"the file {path} is not text") from None


def _from_keyring(name: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise SecretError(
            "the keyring is not installed", "uv tool install 'sre-console[keyring]', or use env: or file:"
        ) from None
    service, slash, user = name.rpartition("/")
    try:
        secret = keyring.get_password(service if slash else _SERVICE, user)
    except keyring.errors.KeyringError as error:
        raise SecretError(f"the keyring does not answer: {error}") from None
    if secret is None:
        raise SecretError(f"the keyring has no {name}", f"keyring set {service if slash else _SERVICE} {user}")
    return secret
