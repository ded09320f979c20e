"""What the gateway works with; the composition root fills it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.gateway.rates import Patience, Rates

if TYPE_CHECKING:
    from services.alerts.model import Alert
    from services.feed import Feed
    from services.gateway.model import Token
    from services.incidents.model import Incident
    from services.safety.audit import Audit
    from services.safety.breaker import Breaker
    from services.safety.circuit import Circuit
    from services.vocabulary.clock import Clock


@dataclass(frozen=True, slots=True)
class GatewayNeeds:
    """What the routes read and move.

    Attributes:
        version: of the program.
        demo: whether everything behind it is simulated.
        writable: False for a wallboard, which can move nothing.
        clock: the time.
        breaker: the circuit. audit: where every request to move it is kept.
        tokens: kept up to date; what is stale there lets nobody in.
        read_tokens: reads them anew, before the circuit is moved.
        circuit: the breakers, the global one first. incidents: of the store; None where the feature is off.
        alerts: one feed a cluster. sources: every feed whose freshness is told.
        head: the last link of the audit; None as long as it was not read.
        trust: what automation may do, as JSON types.
        written_sources: the names of the sources that have a breaker of their own.
        database_user: whom the database knows the gateway as.
        redact: takes secrets out of what sources said.
        rates: how often anybody may ask.
        patience: how long it waits.
        hosts: the names under which it answers, in lower case.
    """

    version: str
    demo: bool
    writable: bool
    clock: Clock
    breaker: Breaker
    audit: Audit
    tokens: Feed[Token]
    read_tokens: Callable[[], Awaitable[Sequence[Token]]]
    circuit: Feed[Circuit]
    alerts: tuple[Feed[Alert], ...]
    incidents: Feed[Incident] | None
    sources: tuple[Feed[Any], ...]
    head: Callable[[], Mapping[str, Any] | None]
    trust: Callable[[], Awaitable[Mapping[str, Any]]]
    written_sources: Callable[[], Iterable[str]]
    database_user: Callable[[], str]
    redact: Callable[[str], str]
    hosts: frozenset[str]
    rates: Rates = field(default_factory=Rates)
    patience: Patience = field(default_factory=Patience)
