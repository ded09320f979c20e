"""The only importer of httpx. Reading needs nothing; writing needs a permit.

A :class:`ReadClient` has no method that could change anything. Answers are capped in size and in time, and every
failure leaves as a :class:`~services.vocabulary.errors.SourceError` with a kind and a sentence.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from services.http_errors import ERROR_BODY, HTML, error_text, reason
from services.http_settings import HttpSettings
from services.inflate import InflateError, Inflater
from services.safety import permit as permits
from services.safety.permit import WritePermit
from services.vocabulary.errors import FailureKind, SourceError

# Where click happens to be installed, httpx brings a command line of its own along, and rich and pygments with that.
sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx  # noqa: E402

del sys.modules["httpx._main"]

__all__ = ["HttpSettings", "Parameters", "Probe", "ReadClient", "WriteClient", "error_text"]

Parameters = Sequence[tuple[str, str]]

_T = TypeVar("_T")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")


@lru_cache(maxsize=32)
def _tls(ca_file: str | None, client_cert: str | None) -> ssl.SSLContext:
    # Making a context costs 25-40 ms, so equal settings share one.
    context = ssl.create_default_context(cafile=ca_file)
    if client_cert:
        context.load_cert_chain(client_cert)
    return context


@dataclass(frozen=True, slots=True)
class Probe:
    """One answer and what its head said.

    Attributes:
        body: the whole body.
        date: the ``Date`` header as it came; empty where there was none.
    """

    body: bytes
    date: str


class ReadClient:
    """Reads from one source. Has no way to write."""

    def __init__(self, settings: HttpSettings) -> None:
        """Nothing is opened before the first request.

        Raises:
            SourceError: the CA bundle, the client certificate, the proxy or a header cannot be used.
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

    async def probe(self, path: str) -> Probe:
        """Like :meth:`get`, with the time that the other side says it is.

        Raises:
            SourceError: as for :meth:`get`.
        """
        heard: list[str] = []
        async with _answer(self._client, self.settings, "GET", path, (), dates=heard) as pieces:
            body = b"".join([piece async for piece in pieces])
        return Probe(body, heard[0])

    @asynccontextmanager
    async def stream(self, path: str, parameters: Parameters = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a 2xx answer in pieces of at most 64 KiB (decompressed), within the time and size limits.

        Raises:
            SourceError: in every other case, also while the pieces arrive. What the caller itself raises between
                two pieces leaves unchanged.
        """
        async with _answer(self._client, self.settings, "GET", path, parameters) as pieces:
            yield pieces


class WriteClient:
    """Writes to one source; each request spends a permit before a byte leaves. Never repeats a request."""

    def __init__(self, settings: HttpSettings) -> None:
        """Nothing is opened before the first request.

        Raises:
            SourceError: the CA bundle, the client certificate, the proxy or a header cannot be used.
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
            TypeError, ValueError: the body is not JSON; the permit is not spent.
        """
        # ASCII escapes carry every string exactly, half of a surrogate pair too.
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        permits.spend(permit, action, target)
        async with _answer(self._client, self.settings, method, path, (), content) as pieces:
            return b"".join([piece async for piece in pieces])


def _needs_tls(settings: HttpSettings) -> bool:
    urls = (settings.base_url, settings.proxy or "")
    return bool(settings.ca_file or settings.client_cert) or any(url.lower().startswith("https") for url in urls)


@lru_cache(maxsize=1)
def _no_tls() -> ssl.SSLContext:
    # A source over plain http never needs one; this one trusts nobody, so that nothing passes by mistake.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _client(settings: HttpSettings) -> httpx.AsyncClient:
    headers = {"Accept-Encoding": "gzip", **settings.headers}
    if settings.bearer:
        headers["Authorization"] = f"Bearer {settings.bearer}"
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise _configuration(
                settings,
                f"the header {name} holds a character that HTTP does not allow",
                "a secret read from a file often ends in a line break",
            )
    try:
        verify = _tls(settings.ca_file, settings.client_cert) if _needs_tls(settings) else _no_tls()
    except (OSError, ssl.SSLError) as error:
        raise _configuration(
            settings, f"the TLS files cannot be loaded: {error}", "check ca_file and client_cert"
        ) from error
    try:
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
    except (ValueError, ImportError, httpx.InvalidURL):
        raise _configuration(settings, "the proxy cannot be used", "write it as http://host:port") from None


def _configuration(settings: HttpSettings, message: str, hint: str = "") -> SourceError:
    return SourceError(FailureKind.CONFIGURATION, f"{settings.name}: {message}", hint, sent=False)


class _Exchange:
    """One request: its deadline, whether it has left, and what its failures are called.

    The deadline cuts short only what is awaited through :meth:`within`. A failure of whoever reads the answer, a
    ``TimeoutError`` of theirs included, is none of this request's.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._deadline = asyncio.get_running_loop().time() + settings.timeout
        self._sent = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpx's transport what it is about to do."""
        if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
            self._sent = True

    async def within(self, step: Awaitable[_T]) -> _T:
        """Await one step of the network's.

        Raises:
            SourceError: it failed, or the time for the whole request is over.
        """
        try:
            async with asyncio.timeout_at(self._deadline):
                return await step
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error) from error

    def failure(self, kind: FailureKind, message: str, hint: str = "") -> SourceError:
        """A failure of this request, its message opened with the source's name."""
        return SourceError(kind, f"{self._settings.name}: {message}", hint, sent=self._sent)

    def _failure(self, error: Exception) -> SourceError:
        address, seconds = self._settings.address, f"{self._settings.timeout:g}s"
        kind, hint = FailureKind.UNREACHABLE, ""
        match error:
            case httpx.InvalidURL() | httpx.UnsupportedProtocol():
                kind, said = FailureKind.CONFIGURATION, f"{address} is not a URL that can be asked: {error}"
            case httpx.LocalProtocolError():
                kind, said, hint = FailureKind.CONFIGURATION, "the request is not HTTP", "check the headers"
            case httpx.ConnectTimeout():
                said = f"no connection to {address}: nobody answers there"
            case httpx.PoolTimeout():
                kind, said = FailureKind.TIMEOUT, f"no free connection within {seconds}"
            case TimeoutError() | httpx.TimeoutException():
                kind, said = FailureKind.TIMEOUT, f"no complete answer within {seconds}"
            case httpx.RemoteProtocolError() if "disconnected" not in str(error):
                kind, said = FailureKind.MALFORMED, f"the answer is cut short or not HTTP: {str(error)[:200]}"
            case _ if self._sent:
                said = f"the connection broke: {reason(error)}"
                if address.startswith("https:"):
                    # Whoever wants a certificate and gets none that it trusts closes the door behind the greeting.
                    hint = "it may want a client certificate that it trusts: client_cert"
            case _:
                said = f"no connection to {address}: {reason(error)}"
        return self.failure(kind, said, hint)


@asynccontextmanager
async def _answer(
    client: httpx.AsyncClient,
    settings: HttpSettings,
    method: str,
    path: str,
    parameters: Parameters,
    content: bytes | None = None,
    dates: list[str] | None = None,
) -> AsyncIterator[AsyncIterator[bytes]]:
    if path and not path.startswith("/"):
        raise ValueError(f"{path!r} would change the host of the URL")
    exchange = _Exchange(settings)
    response = await exchange.within(_send(client, exchange, method, settings, path, parameters, content))
    if dates is not None:
        dates.append(response.headers.get("date", ""))
    try:
        async with aclosing(_pieces(response, exchange)) as pieces:
            if not response.is_success:
                raise await _status_error(response, pieces, settings)
            if "html" in response.headers.get("content-type", ""):
                raise exchange.failure(FailureKind.MALFORMED, f"it answered with {HTML}")
            async with aclosing(_capped(pieces, exchange, settings)) as capped:
                yield capped
    finally:
        await response.aclose()


async def _send(
    client: httpx.AsyncClient,
    exchange: _Exchange,
    method: str,
    settings: HttpSettings,
    path: str,
    parameters: Parameters,
    content: bytes | None,
) -> httpx.Response:
    request = client.build_request(
        method,
        settings.base_url.rstrip("/") + path,
        params=httpx.QueryParams(list(parameters)) if parameters else None,
        content=content,
        headers={} if content is None else {"Content-Type": "application/json"},
        extensions={"trace": exchange.trace},
    )
    return await client.send(request, stream=True)


async def _pieces(response: httpx.Response, exchange: _Exchange) -> AsyncGenerator[bytes, None]:
    raw = response.aiter_raw()
    try:
        inflater = Inflater(response.headers.get("content-encoding", ""))
        while (data := await exchange.within(anext(raw, None))) is not None:
            for piece in inflater.feed(data):
                yield piece
        for piece in inflater.finish():
            yield piece
    except InflateError as error:
        raise exchange.failure(FailureKind.MALFORMED, f"the answer cannot be decompressed: {error}") from error


async def _capped(
    pieces: AsyncIterator[bytes], exchange: _Exchange, settings: HttpSettings
) -> AsyncGenerator[bytes, None]:
    total = 0
    async for piece in pieces:
        total += len(piece)
        if total > settings.max_body:
            raise exchange.failure(
                FailureKind.TOO_LARGE,
                f"the answer is larger than {settings.max_body:,} bytes",
                "raise max_body for this source or narrow what it holds",
            )
        yield piece


async def _status_error(response: httpx.Response, pieces: AsyncIterator[bytes], settings: HttpSettings) -> SourceError:
    body = b""
    try:
        async for piece in pieces:
            body += piece
            if len(body) > ERROR_BODY:
                break
    except SourceError:
        body = b""
    status = response.status_code
    said = settings.without_secrets(error_text(body, response.headers.get("content-type", "")))
    if status in (401, 403):
        kind, hint = FailureKind.DENIED, "check bearer, basic or client_cert"
    elif 300 <= status < 400:
        # A path or query of a login page may carry a token.
        kind, hint = FailureKind.CONFIGURATION, f"it redirects to {_host(response.headers.get('location', ''))}"
    elif status < 500:
        kind, hint = FailureKind.REJECTED, ""
    else:
        kind, hint = FailureKind.SERVER, ""
    return SourceError(kind, f"{settings.name} answered {status}{': ' + said if said else ''}", hint, status=status)


def _host(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return "something that is not a URL"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "another path of the same host"
