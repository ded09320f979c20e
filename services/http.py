"""The only importer of httpx. Reading needs nothing; writing needs a permit.

A :class:`ReadClient` has no method that could change anything. Answers are capped in size and in time, and every
failure leaves as a :class:`~services.vocabulary.errors.SourceError` with a kind and a sentence.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx

from services.safety import permit as permits
from services.safety.permit import WritePermit
from services.vocabulary.errors import FailureKind, SourceError

Parameters = Sequence[tuple[str, str]]

_ERROR_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How to reach one HTTP source; secrets are resolved already and never shown by ``repr``.

    Attributes:
        name: what the person calls the source; opens every error message.
        base_url: without a trailing slash; paths are appended to it.
        timeout: seconds for one whole request, and at most half of it (10 s at most) to connect.
        headers: sent with every request.
        bearer: an ``Authorization: Bearer`` token.
        basic: user and password.
        ca_file: PEM bundle to trust instead of the system's.
        client_cert: PEM file with certificate and key.
        proxy: URL of an HTTP or SOCKS proxy; None takes none (the environment is not read).
        max_body: most bytes of an answer.
    """

    name: str
    base_url: str
    timeout: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bearer: str | None = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    ca_file: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)
    max_body: int = 128 * 1024 * 1024


@lru_cache(maxsize=32)
def _tls(ca_file: str | None, client_cert: str | None) -> ssl.SSLContext:
    # Making a context costs 25-40 ms, so equal settings share one.
    context = ssl.create_default_context(cafile=ca_file)
    if client_cert:
        context.load_cert_chain(client_cert)
    return context


class ReadClient:
    """Reads from one source. Has no way to write."""

    def __init__(self, settings: HttpSettings) -> None:
        """Nothing is opened before the first request.

        Raises:
            SourceError: the CA bundle or the client certificate cannot be loaded.
        """
        self.settings = settings
        self._client = _client(settings)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str, parameters: Parameters = ()) -> bytes:
        """The whole body of a 2xx answer.

        Raises:
            SourceError: in every other case.
        """
        async with self.stream(path, parameters) as chunks:
            return b"".join([chunk async for chunk in chunks])

    @asynccontextmanager
    async def stream(self, path: str, parameters: Parameters = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a 2xx answer piece by piece (decompressed), within the time and size limits.

        Raises:
            SourceError: in every other case, also while the pieces arrive.
        """
        async with _answer(self._client, self.settings, "GET", path, parameters) as response:
            yield _capped(response, self.settings)


class WriteClient:
    """Writes to one source; each request spends a permit before a byte leaves. Never repeats a request."""

    def __init__(self, settings: HttpSettings) -> None:
        """Nothing is opened before the first request.

        Raises:
            SourceError: the CA bundle or the client certificate cannot be loaded.
        """
        self.settings = settings
        self._client = _client(settings)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self,
        permit: WritePermit,
        *,
        action: str,
        target: str,
        method: str,
        path: str,
        body: Any = None,
    ) -> bytes:
        """Send one write.

        Args:
            permit: from the guard; spent here.
            action: the kind of write; must be the one the permit was made for.
            target: the raw name of what is changed; likewise.
            method: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: appended to the base URL; already quoted.
            body: JSON types; None sends no body.

        Returns:
            The whole body of a 2xx answer.

        Raises:
            PermitError: the permit does not cover this; nothing was sent.
            SourceError: ``sent`` tells whether the other side may have acted.
        """
        permits.spend(permit, action, target)
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        async with _answer(self._client, self.settings, method, path, (), content) as response:
            return b"".join([chunk async for chunk in _capped(response, self.settings)])


def _client(settings: HttpSettings) -> httpx.AsyncClient:
    try:
        verify = _tls(settings.ca_file, settings.client_cert)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(
            FailureKind.CONFIGURATION,
            f"{settings.name}: the TLS files cannot be loaded: {error}",
            "check ca_file and client_cert",
            sent=False,
        ) from error
    headers = dict(settings.headers)
    if settings.bearer:
        headers["Authorization"] = f"Bearer {settings.bearer}"
    return httpx.AsyncClient(
        headers=headers,
        auth=settings.basic,
        verify=verify,
        proxy=settings.proxy,
        trust_env=False,
        timeout=httpx.Timeout(settings.timeout, connect=min(10.0, settings.timeout / 2)),
        limits=httpx.Limits(max_connections=8),
        follow_redirects=False,
    )


@asynccontextmanager
async def _answer(
    client: httpx.AsyncClient,
    settings: HttpSettings,
    method: str,
    path: str,
    parameters: Parameters,
    content: bytes | None = None,
) -> AsyncIterator[httpx.Response]:
    url = settings.base_url.rstrip("/") + path
    headers = {} if content is None else {"Content-Type": "application/json"}
    name = settings.name
    try:
        async with (
            asyncio.timeout(settings.timeout),
            client.stream(
                method, url, params=httpx.QueryParams(list(parameters)), content=content, headers=headers
            ) as response,
        ):
            if not response.is_success:
                raise await _status_error(response, settings)
            yield response
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.ProxyError) as error:
        raise SourceError(
            FailureKind.UNREACHABLE,
            f"{name}: no connection to {settings.base_url}: {_reason(error)}",
            sent=False,
        ) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise SourceError(FailureKind.TIMEOUT, f"{name}: no answer within {settings.timeout:g}s") from error
    except httpx.DecodingError as error:
        raise SourceError(FailureKind.MALFORMED, f"{name}: the answer cannot be decompressed: {error}") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise SourceError(FailureKind.UNREACHABLE, f"{name}: the connection broke: {_reason(error)}") from error
    except httpx.InvalidURL as error:
        raise SourceError(FailureKind.CONFIGURATION, f"{name}: {url!r} is not a URL: {error}", sent=False) from error


async def _capped(response: httpx.Response, settings: HttpSettings) -> AsyncIterator[bytes]:
    total = 0
    async for chunk in response.aiter_bytes():
        total += len(chunk)
        if total > settings.max_body:
            raise SourceError(
                FailureKind.TOO_LARGE,
                f"{settings.name}: the answer is larger than {settings.max_body // 1024 // 1024} MB",
                "raise max_body for this source or narrow what it holds",
            )
        yield chunk


async def _status_error(response: httpx.Response, settings: HttpSettings) -> SourceError:
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _ERROR_BODY:
                break
    except httpx.HTTPError:
        body = b""
    status = response.status_code
    said = error_text(body, response.headers.get("content-type", ""))
    if status in (401, 403):
        kind, hint = FailureKind.DENIED, "check bearer, basic or client_cert"
    elif 300 <= status < 400:
        kind, hint = FailureKind.CONFIGURATION, f"it redirects to {response.headers.get('location', '?')}"
    elif status < 500:
        kind, hint = FailureKind.REJECTED, ""
    else:
        kind, hint = FailureKind.SERVER, ""
    return SourceError(kind, f"{settings.name} answered {status}{': ' + said if said else ''}", hint, status=status)


def error_text(body: bytes, content_type: str) -> str:
    """What an error body says, in one line.

    Understands JSON strings, ``{"message": …}`` (Alertmanager, Kubernetes), ``{"error": …}`` (Prometheus) and plain
    text; of an HTML page only that it is one.
    """
    text = body[:_ERROR_BODY].decode(errors="replace").strip()
    if "html" in content_type or text[:1] == "<":
        return "an HTML page, not the API (is a proxy or a login in front of it?)"
    try:
        value = json.loads(text)
    except ValueError:
        return " ".join(text.split())[:300]
    if isinstance(value, dict):
        value = value.get("message") or value.get("error") or text
        if isinstance(value, dict):
            value = value.get("message", text)
    return " ".join(str(value).split())[:300]


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
