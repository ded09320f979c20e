"""Puts the gateway in front of a backend: beside a screen, or without one. Its server is imported late."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from console.background import Background, Work
from console.cli import program_version
from console.late_import import import_late
from console.store_changes import follow_store
from services.feed import Feed, Poller
from services.storage.changes import Changes
from services.vocabulary.errors import ConsoleError

if TYPE_CHECKING:
    from console.records import Records
    from console.wiring import Backend
    from services.gateway.needs import GatewayNeeds
    from services.gateway.server import Serving
    from services.gateway.tokens import TokenRepository
    from services.safety.audit import AuditHead

_EVERY = 3.0  # the store itself tells of changes; this only says that it is still there
_VALID_FOR = timedelta(seconds=10)
_RETRY = 15.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def gateway(backend: Backend) -> AsyncIterator[Serving]:
    """A gateway that listens where the configuration says, until the block is left.

    Args:
        backend: started, so that its feeds are kept up to date.

    Raises:
        ConsoleError: there is no token, the store cannot be read, or nobody can listen there.
    """
    server = await import_late("services.gateway.server")
    application = await import_late("services.gateway.application")
    rooms = await import_late("services.gateway.tokens")
    records = await backend.open_records()
    repository: TokenRepository = rooms.TokenRepository(records.store, backend.clock)
    first = await repository.all()
    now = backend.clock.now()
    if not any(token.standing(now) == "valid" for token in first):
        raise ConsoleError("the gateway has no valid token", "make one: sre-console token create --scope read")
    tokens = Feed[Any]("gateway tokens", backend.clock, valid_for=_VALID_FOR)
    tokens.publish(first)
    head = Feed[Any]("audit head", backend.clock, valid_for=_VALID_FOR)
    following = _Following(backend, records, repository, tokens, head)
    try:
        following.begin()
        needs = _needs(backend, records, repository, tokens, head)
        async with server.serving(application.build(needs), backend.settings.gateway.address()) as serving:
            yield serving
    finally:
        await following.close()


async def serve_beside(backend: Backend) -> None:
    """Keep a gateway listening beside a screen until cancelled. Where it cannot, the screen is told and it goes on."""
    said = ""
    while True:
        try:
            async with gateway(backend) as serving:
                said = ""
                backend.gateway = f"the gateway listens on {serving.url}"
                _log.info("the gateway listens on %s", serving.url)
                await serving.ended()
        except ConsoleError as error:
            backend.gateway = f"the gateway does not listen: {error.message}"
            if str(error) != said:
                said = str(error)
                _log.warning("the gateway does not listen: %s", error)
                backend.notice("The gateway does not listen", str(error))
        finally:
            if backend.gateway.startswith("the gateway listens"):
                backend.gateway = "the gateway does not listen"
        await backend.clock.sleep(_RETRY)


class _Following:
    """Keeps the tokens and the head of the audit up to date."""

    def __init__(
        self,
        backend: Backend,
        records: Records,
        repository: TokenRepository,
        tokens: Feed[Any],
        head: Feed[Any],
    ) -> None:
        async def read_head() -> Sequence[AuditHead]:
            return (await records.audit.head(),)

        clock = backend.clock
        self._background = Background(clock)
        self._pollers = [
            Poller(tokens, repository.changes().read, clock, interval=_EVERY),
            Poller(head, Changes(records.store, read_head).read, clock, interval=_EVERY),
        ]
        self._follow = partial(follow_store, records.store, self._pollers, clock)

    def begin(self) -> None:
        for poller in self._pollers:
            self._background.keep(Work(f"reading {poller.feed.source}", poller.run, poller.feed.fail))
        self._background.keep(Work("following the store for the gateway", self._follow))

    async def close(self) -> None:
        await self._background.close()


def _needs(
    backend: Backend, records: Records, repository: TokenRepository, tokens: Feed[Any], head: Feed[Any]
) -> GatewayNeeds:
    from services.gateway.needs import GatewayNeeds
    from services.trust.view import plain

    live = backend.live
    incidents = live.incidents if backend.settings.feature_flags.incident_response else None
    rest = (incidents, live.duties, live.circuit)

    def last_link() -> Mapping[str, Any] | None:
        items = head.snapshot.items
        return {"sequence": items[0].sequence, "hash": items[0].hash} if items else None

    async def trust() -> Mapping[str, Any]:
        return plain(await records.trust.status())

    return GatewayNeeds(
        version=program_version(),
        demo=backend.demo,
        writable=records.guard is not None,
        clock=backend.clock,
        breaker=records.breaker,
        audit=records.audit,
        tokens=tokens,
        read_tokens=repository.all,
        circuit=live.circuit,
        alerts=tuple(live.alerts.values()),
        incidents=incidents,
        sources=(
            *live.alerts.values(),
            *live.deployments.values(),
            *(feed for feed in rest if feed is not None),
        ),
        head=last_link,
        trust=trust,
        written_sources=lambda: [f"alertmanager {name}" for name in backend.sources.writers],
        database_user=lambda: records.store.database_user,
        redact=backend.redaction,
        hosts=backend.settings.gateway.hosts(),
        rates=backend.settings.gateway.rates(),
    )
