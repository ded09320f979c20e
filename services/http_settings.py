"""How to reach one HTTP source."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from services.vocabulary.redaction import Redaction


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How to reach one HTTP source; secrets are resolved already and never shown by ``repr``.

    Attributes:
        name: what the person calls the source; opens every error message.
        base_url: without a trailing slash; paths are appended to it.
        timeout: seconds for one whole request down to the last byte, and at most half of it (10 s at most) to
            connect. Only waiting for the other side is cut short, never the work of whoever reads the answer.
        headers: sent with every request.
        bearer: an ``Authorization: Bearer`` token.
        basic: user and password.
        ca_file: PEM bundle to trust instead of the system's.
        client_cert: PEM file with certificate and key.
        proxy: URL of an HTTP proxy; None takes none (the environment is not read).
        max_body: most bytes of an answer, decompressed.
    """

    name: str
    base_url: str = field(repr=False)
    timeout: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bearer: str | None = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    ca_file: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)
    max_body: int = 128 * 1024 * 1024

    @property
    def address(self) -> str:
        """The base URL without user, password and query: what a message may show."""
        try:
            parts = urlsplit(self.base_url)
        except ValueError:
            return "its URL"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that proves who asks: what must be kept out of messages, logs and the audit."""
        found = [self.bearer or "", *(value for name, value in self.headers.items() if not _is_plain(name))]
        if self.basic:
            found += [self.basic[1], b64encode(":".join(self.basic).encode()).decode()]
        if self.proxy:
            password = urlsplit(self.proxy).password or ""
            found += [password, unquote(password)]
        return tuple(dict.fromkeys(secret for secret in found if secret))

    def without_secrets(self, text: str) -> str:
        """``text`` (such as an error that echoes the request) with every secret hidden, however it is written."""
        return Redaction(self.secrets)(text)


def _is_plain(header: str) -> bool:
    # Names of tenants and kinds of content stand in many messages, and are no secrets.
    return header.lower() in ("accept", "user-agent", "x-scope-orgid", "thanos-tenant", "accountid", "projectid")
