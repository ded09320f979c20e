"""How to reach one HTTP source."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


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

    def without_secrets(self, text: str) -> str:
        """``text`` (such as an error that echoes the request) with every secret of at least six characters hidden."""
        secrets = [self.bearer or "", *self.headers.values()]
        if self.basic:
            secrets += [self.basic[1], b64encode(":".join(self.basic).encode()).decode()]
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= 6:
                text = text.replace(secret, "‹secret›")
        return text
