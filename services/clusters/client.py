"""Reads one cluster over its API, raw. Has no method that could change anything.

Imports the Kubernetes package and its HTTP client: see the room's note.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import aiohttp
import msgspec
from kubernetes.aio.client import ApiClient

from services.clusters.access import ClusterSettings, ClusterVersion, Parameters
from services.clusters.failures import failure, not_the_api
from services.clusters.kubeconfig import LoadedContext, load_context
from services.vocabulary.clock import Clock
from services.vocabulary.errors import FailureKind, SourceError

_CHUNK = 64 * 1024
_ERROR_BODY = 64 * 1024
_EARLY = timedelta(seconds=30)


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    git_version: str


class ClusterReader:
    """Reads one context of a kubeconfig. Implements :class:`services.clusters.access.ClusterAccess`.

    Credentials are read anew when they run out or are refused, so a token that kubectl renewed is picked up.
    """

    def __init__(
        self, settings: ClusterSettings, clock: Clock, *, learn: Callable[..., None] = lambda *_: None
    ) -> None:
        """Nothing is read or opened before the first request.

        Args:
            settings: how to reach it.
            clock: measures and judges when credentials run out.
            learn: told the tokens and passwords of the context, so that they can be kept out of logs.
        """
        self.settings = settings
        self._clock = clock
        self._learn = learn
        self._loading = asyncio.Lock()
        self._context: LoadedContext | None = None
        self._client: ApiClient | None = None
        self._retired: list[ApiClient] = []

    @property
    def name(self) -> str:
        """What the person calls the source."""
        return self.settings.name

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Read only these; empty for the whole cluster."""
        return self.settings.namespaces

    async def context_namespace(self) -> str:
        """The namespace that the kubeconfig's context names; empty where it names none.

        Raises:
            SourceError: the kubeconfig cannot be used.
        """
        await self._ready()
        return self._context.namespace if self._context else ""

    async def close(self) -> None:
        """Close the connections."""
        clients = [*self._retired, *([self._client] if self._client else [])]
        self._retired, self._client, self._context = [], None, None
        for client in clients:
            await client.rest_client.close()

    async def version(self) -> ClusterVersion:
        """What the server says of itself, and how its clock compares with ours.

        Raises:
            SourceError: it does not say.
        """
        begun = self._clock.monotonic()
        async with self._deadline(), self._answer("/version", (), self._patience()) as response:
            body = b"".join([chunk async for chunk in self._capped(response)])
            date = response.headers.get("Date", "")
        latency = timedelta(seconds=self._clock.monotonic() - begun)
        try:
            version = msgspec.json.decode(body, type=_Version).git_version
        except msgspec.MsgspecError as error:
            raise not_the_api(self.name, body, f"version: {error}") from error
        try:
            server_time = parsedate_to_datetime(date).astimezone(UTC)
        except ValueError:
            return ClusterVersion(version, latency)
        # The header says whole seconds, and was written some time within the latency.
        skew = server_time + timedelta(seconds=0.5) - (self._clock.now() - latency / 2)
        return ClusterVersion(version, latency, skew, server_time)

    @asynccontextmanager
    async def read(self, path: str, parameters: Parameters = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a 2xx answer to GET, piece by piece, within the limits of time and size.

        Raises:
            SourceError: in every other case, also while the pieces arrive.
        """
        async with self._deadline(), self._answer(path, parameters, self._patience()) as response:
            yield self._capped(response)

    @asynccontextmanager
    async def watch(self, path: str, parameters: Parameters = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a watch, piece by piece, with no limit but that of silence.

        Raises:
            SourceError: it was not accepted, broke, or was silent for too long.
        """
        patience = self._patience(silence=self.settings.watch_silence)
        async with self._answer(path, parameters, patience) as response:
            yield response.content.iter_any()

    def _patience(self, silence: float | None = None) -> aiohttp.ClientTimeout:
        connect = min(10.0, self.settings.timeout / 4)
        return aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=silence or self.settings.timeout)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.settings.timeout):
                yield
        except TimeoutError as error:
            raise SourceError(
                FailureKind.TIMEOUT, f"{self.name}: no whole answer within {self.settings.timeout:g}s"
            ) from error

    @asynccontextmanager
    async def _answer(
        self, path: str, parameters: Parameters, patience: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            response = await self._request(path, parameters, patience)
            try:
                if not response.ok:
                    body = await response.content.read(_ERROR_BODY)
                    raise failure(self.name, response.status, body, response.headers.get("Content-Type", ""))
                yield response
            finally:
                response.close()
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError) as e:
            raise SourceError(
                FailureKind.UNREACHABLE, f"{self.name}: no connection to {self._host}: {_reason(e)}", sent=False
            ) from e
        except aiohttp.ServerTimeoutError as error:
            seconds = patience.sock_read or 0.0
            raise SourceError(FailureKind.TIMEOUT, f"{self.name}: nothing was heard for {seconds:g}s") from error
        except aiohttp.ClientPayloadError as error:
            raise SourceError(
                FailureKind.UNREACHABLE, f"{self.name}: the answer broke off: {_reason(error)}"
            ) from error
        except (aiohttp.InvalidURL, aiohttp.TooManyRedirects) as error:
            raise SourceError(
                FailureKind.CONFIGURATION, f"{self.name}: {self._host} cannot be used: {_reason(error)}", sent=False
            ) from error
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as error:
            raise SourceError(
                FailureKind.UNREACHABLE, f"{self.name}: the connection broke: {_reason(error)}"
            ) from error

    async def _request(
        self, path: str, parameters: Parameters, patience: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        client = await self._ready()
        response = await self._get(client, path, parameters, patience)
        if response.status == 401 and (renewed := await self._renew(client)) is not None:
            response.close()
            response = await self._get(renewed, path, parameters, patience)
        return response

    async def _get(
        self, client: ApiClient, path: str, parameters: Parameters, patience: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        query = "?" + urlencode(list(parameters)) if parameters else ""
        method, url, headers, _, _ = await client.param_serialize(
            "GET", path + query, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
        )
        answer = await client.call_api(method, url, headers, _request_timeout=patience)
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _ready(self) -> ApiClient:
        async with self._loading:
            if self._client is None or self._expired():
                await self._load()
            assert self._client is not None  # noqa: S101 - loaded above
            return self._client

    def _expired(self) -> bool:
        expires_at = self._context.expires_at if self._context else None
        return expires_at is not None and self._clock.now() >= expires_at - _EARLY

    async def _renew(self, refused: ApiClient) -> ApiClient | None:
        """A client with credentials read anew; None where they are the same as those just refused."""
        async with self._loading:
            if self._client is not refused:
                return self._client
            before = self._context
            await self._load()
            after = self._context
            if before and after and _secrets(before) == _secrets(after):
                return None
            return self._client

    async def _load(self) -> None:
        context = await load_context(self.settings)
        self._learn(*_spoken(context))
        context.configuration.trace_configs = [self._unmoved()]
        try:
            # Making its TLS context takes 25 to 40 ms.
            client = await asyncio.to_thread(ApiClient, context.configuration)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise SourceError(
                FailureKind.CONFIGURATION,
                f"{self.name}: the certificates of the kubeconfig cannot be loaded: {_reason(error)}",
                sent=False,
            ) from error
        client.user_agent = "sre-console"
        if self._client is not None:
            # Watches of the old one may still run, most ten minutes; those of the one before it had their time.
            for client_before in self._retired:
                await client_before.rest_client.close()
            self._retired = [self._client]
        self._client, self._context = client, context

    def _unmoved(self) -> aiohttp.TraceConfig:
        """Ends a request that is sent elsewhere: credentials and trust belong to the address that the person gave."""

        async def refuse(_: object, __: object, moved: aiohttp.TraceRequestRedirectParams) -> None:
            raise SourceError(
                FailureKind.CONFIGURATION,
                f"{self.name}: {self._host} answered {moved.response.status}, a redirect, which is not followed",
                "name the API server's own address in the kubeconfig",
                status=moved.response.status,
            )

        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(refuse)
        return trace

    @property
    def _host(self) -> str:
        return str(self._context.configuration.host) if self._context else "the server"

    async def _capped(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            total += len(chunk)
            if total > self.settings.max_body:
                raise SourceError(
                    FailureKind.TOO_LARGE,
                    f"{self.name}: the answer is larger than {self.settings.max_body // 1024 // 1024} MB",
                    "name namespaces for this source, or raise max_body",
                )
            yield chunk


def _secrets(context: LoadedContext) -> tuple[object, ...]:
    configuration = context.configuration
    return (dict(configuration.api_key), configuration.cert_file, configuration.key_file)


def _spoken(context: LoadedContext) -> list[str]:
    """What a request says to prove who asks: tokens without their scheme, and a password."""
    configuration = context.configuration
    values = [str(value).removeprefix("Bearer ") for value in configuration.api_key.values()]
    return [value for value in (*values, configuration.password) if isinstance(value, str) and value]


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
