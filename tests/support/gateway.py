"""A gateway on a free port, in front of a store and feeds that a test fills."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from services.alerts.model import Alert
from services.feed import Feed
from services.gateway.address import Address, answered_hosts
from services.gateway.application import build
from services.gateway.model import Scope, Token
from services.gateway.needs import GatewayNeeds
from services.gateway.rates import Patience, Rate, Rates
from services.gateway.server import serving
from services.gateway.tokens import TokenRepository
from services.incidents.model import Incident
from services.safety.audit import Audit, AuditEntry
from services.safety.breaker import Breaker
from services.safety.circuit import Circuit
from services.storage.engine import Store
from services.trust.ledger import Ledger
from services.trust.model import TrustRules
from services.trust.repository import TrustRepository
from services.trust.view import plain
from services.vocabulary.clock import Clock
from tests.support.clock import ManualClock
from tests.support.store import OPERATOR, temporary_store

_ANY = Rate(1e6, 1e6)
UNHURRIED = Rates(_ANY, _ANY, _ANY, _ANY)
"""For tests that are about something else."""
ALWAYS = timedelta(days=36500)
BOTH = tuple(Scope)


@dataclass
class Gateway:
    """What a test holds of a gateway that listens.

    Attributes:
        url: where. client: speaks to it, without a token.
        clock: turns its time. store, breaker, audit: behind it.
        tokens: in the store. token_feed: what it knows of them.
        secret: of a token for everything. token: the same token.
        broken: what failed in the loop where nobody waits for it.
    """

    url: str
    client: httpx.AsyncClient
    clock: Clock
    store: Store
    breaker: Breaker
    audit: Audit
    tokens: TokenRepository
    token_feed: Feed[Token]
    token: Token
    secret: str
    broken: list[dict[str, Any]]

    @property
    def port(self) -> int:
        """Of loopback."""
        return int(self.url.rpartition(":")[2])

    async def get(self, path: str, secret: str | None = None, **headers: str) -> httpx.Response:
        """GET with a token; underscores in the names of headers stand for hyphens."""
        return await self.client.get(path, headers=self._headers(secret, headers))

    async def move(
        self, body: Any, if_match: str | None = "*", secret: str | None = None, **headers: str
    ) -> httpx.Response:
        """POST to the circuit: bytes as they are, anything else as JSON."""
        named = self._headers(secret, headers)
        if if_match is not None:
            named["If-Match"] = if_match
        named.setdefault("Content-Type", "application/json")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/api/sre/circuit", content=content, headers=named)

    async def tag(self) -> str:
        """The entity tag of the circuit now."""
        return (await self.get("/api/sre/circuit")).headers["etag"]

    async def new_token(self, *scopes: Scope, lifetime: timedelta | None = None) -> str:
        """The secret of a new token that the gateway knows of."""
        token, secret = await self.tokens.create(OPERATOR, "", scopes, lifetime=lifetime)
        await self.learn()
        assert token.scopes == frozenset(scopes)
        return secret

    async def learn(self) -> None:
        """Let the gateway know the tokens of the store."""
        self.token_feed.publish(await self.tokens.all())

    async def record(self) -> AuditEntry:
        """The newest entry of the audit."""
        return (await self.audit.list(1))[0]

    async def exchange(self, raw: bytes) -> bytes:
        """Send bytes and read until the other side ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            await writer.drain()
            async with asyncio.timeout(120):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    def _headers(self, secret: str | None, more: Mapping[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.secret if secret is None else secret}", **named}


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that a response tells, which must be well formed (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert told["type"] == "about:blank"
    assert told["title"]
    assert told["detail"]
    return told


@asynccontextmanager
async def gateway_before(
    store: Store,
    clock: Clock,
    *,
    alerts: Sequence[Alert] | None = (),
    incidents: Sequence[Incident] | None = (),
    rates: Rates = UNHURRIED,
    patience: Patience | None = None,
    writable: bool = True,
    trust: Callable[[], Awaitable[Any]] | None = None,
    behind: Store | None = None,
) -> AsyncIterator[Gateway]:
    """A gateway before ``store``.

    Args:
        store: keeps tokens, circuit and audit.
        clock: the gateway's time.
        alerts, incidents: what the feeds hold; None as long as they have not answered.
        rates: how often anybody may ask.
        patience: how long it waits.
        writable: False as for a wallboard.
        trust: what ``/api/sre/trust`` tells.
        behind: the store of breaker and audit, where it is not ``store``.
    """
    repository = TokenRepository(store, clock)
    token, secret = await repository.create(OPERATOR, "robot", BOTH)
    breaker, audit = Breaker(behind or store, clock), Audit(behind or store)
    feeds = _Feeds(clock, alerts, incidents)
    feeds.tokens.publish(await repository.all())
    feeds.circuit.publish(await Breaker(store, clock).read_all())

    rules, last = TrustRules(), await audit.head() if behind is None else None

    async def told() -> Mapping[str, Any]:
        return plain(await TrustRepository(store, clock, rules, Ledger(store, clock, rules)).status())

    waits = patience or Patience(body=60, answer=60, exchange=120)
    needs = GatewayNeeds(
        version="1.2.3",
        demo=False,
        writable=writable,
        clock=clock,
        breaker=breaker,
        audit=audit,
        tokens=feeds.tokens,
        read_tokens=repository.all if behind is None else TokenRepository(behind, clock).all,
        circuit=feeds.circuit,
        alerts=(feeds.alerts,),
        incidents=feeds.incidents,
        sources=(feeds.alerts, feeds.incidents, feeds.circuit),
        head=lambda: None if last is None else {"sequence": last.sequence, "hash": last.hash},
        trust=trust or told,
        written_sources=lambda: ["alertmanager prod"],
        database_user=lambda: "",
        redact=store.redact,
        hosts=answered_hosts(Address("127.0.0.1", 0), ["console.example.com"]),
        rates=rates,
        patience=waits,
    )
    broken: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    async with (
        serving(build(needs), Address("127.0.0.1", 0), exchange=waits.exchange) as listening,
        httpx.AsyncClient(base_url=listening.url, timeout=60, trust_env=False) as client,
    ):
        yield Gateway(
            listening.url, client, clock, store, breaker, audit, repository, feeds.tokens, token, secret, broken
        )


@asynccontextmanager
async def running_gateway(directory: Path, clock: Clock | None = None, **options: Any) -> AsyncIterator[Gateway]:
    """Like :func:`gateway_before`, with a store of its own in ``directory``; the clock stands still by default."""
    clock = clock or ManualClock()
    async with temporary_store(directory, clock) as store, gateway_before(store, clock, **options) as gateway:
        yield gateway


class _Feeds:
    def __init__(self, clock: Clock, alerts: Sequence[Alert] | None, incidents: Sequence[Incident] | None) -> None:
        self.tokens = Feed[Token]("gateway tokens", clock, valid_for=ALWAYS)
        self.alerts = Feed[Alert]("alertmanager prod", clock, valid_for=ALWAYS)
        self.incidents = Feed[Incident]("incidents", clock, valid_for=ALWAYS)
        self.circuit = Feed[Circuit]("circuit", clock, valid_for=ALWAYS)
        if alerts is not None:
            self.alerts.publish(alerts)
        if incidents is not None:
            self.incidents.publish(incidents)


def with_rates(**rates: Rate) -> Rates:
    """Unhurried, but for these."""
    return replace(UNHURRIED, **rates)
