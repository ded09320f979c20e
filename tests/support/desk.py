"""A desk made by hand: real feeds that a test publishes to, nothing behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import TypeVar

from screens.desk import Desk
from services.alerts.heartbeat import Missing
from services.alerts.model import ACK_PREFIX, Alert, Matcher, Silence, SilenceState
from services.command import Confirmer, Invocation
from services.deployments.model import Deployment, RolloutState
from services.feed import Feed
from services.incidents.model import Incident, IncidentState
from services.oncall.model import Duty
from services.registry import Registry
from services.safety.actor import Actor, Surface
from services.safety.circuit import Circuit, CircuitState
from services.vocabulary.clock import Clock

T = TypeVar("T")
VALID_FOR = timedelta(seconds=30)
CLOSED = Circuit()


def make_desk(
    clock: Clock,
    *,
    alerts: Mapping[str, Sequence[Alert] | None] | None = None,
    deployments: Mapping[str, Sequence[Deployment] | None] | None = None,
    incidents: Sequence[Incident] | None = (),
    duties: Sequence[Duty] | None = (),
    circuit: Circuit | None = CLOSED,
    environments: tuple[str, ...] = ("prod",),
    demo: bool = False,
    registry: Registry | None = None,
    valid_for: timedelta = VALID_FOR,
    missing: Callable[[], tuple[Missing, ...]] = tuple,
) -> Desk:
    """A desk whose feeds already hold what is given.

    Args:
        clock: of every feed.
        alerts: cluster -> what its Alertmanager said; None where it has not answered yet. One empty cluster
            ``prod`` by default.
        deployments: context -> likewise; one empty context ``prod`` by default.
        incidents: of the store; None for no such feature.
        duties: of the schedule; None where none is configured.
        circuit: the breaker; None where the store has not answered yet.
        environments: as configured.
        demo: whether it is the simulated production.
        registry: a read-only one by default.
        valid_for: how long an answer counts as fresh.
        missing: alerts that must always fire and do not.
    """
    actor = Actor("op-a", "op-a", "test", Surface.CONSOLE)

    def invocation(selection: Mapping[str, tuple[str, ...]], confirm: Confirmer) -> Invocation:
        return Invocation(actor=actor, selection=selection, confirm=confirm)

    async def plot(alert: Alert, points: int) -> None:
        return None

    offered = registry or Registry(None)

    return Desk(
        clock=clock,
        operator="op-a",
        environments=environments,
        demo=demo,
        alerts={
            name: make_feed(f"alertmanager {name}", clock, items, valid_for)
            for name, items in ({"prod": ()} if alerts is None else alerts).items()
        },
        deployments={
            name: make_feed(f"kubernetes {name}", clock, items, valid_for)
            for name, items in ({"prod": ()} if deployments is None else deployments).items()
        },
        incidents=None if incidents is None else make_feed("incidents", clock, incidents, valid_for),
        duties=None if duties is None else make_feed("on-call", clock, duties, valid_for),
        circuit=make_feed("breaker", clock, None if circuit is None else (circuit,), valid_for),
        commands=lambda: offered,
        invocation=invocation,
        plot=plot,
        refresh=lambda: None,
        missing=missing,
    )


def make_feed(source: str, clock: Clock, items: Sequence[T] | None, valid_for: timedelta = VALID_FOR) -> Feed[T]:
    """A feed that holds ``items``, or waits for its first answer where they are None."""
    feed: Feed[T] = Feed(source, clock, valid_for=valid_for)
    if items is not None:
        feed.publish(items)
    return feed


def make_alert(
    name: str,
    severity: str,
    onset: datetime,
    *,
    cluster: str = "prod",
    environment: str = "",
    acked_by: str = "",
    silenced_by: str = "",
    until: datetime | None = None,
    **labels: str,
) -> Alert:
    """An alert; its labels tell its fingerprint.

    Args:
        name: ``alertname``.
        severity: the label.
        onset: since when it fires.
        cluster: of which Alertmanager.
        environment: the cluster's by default.
        acked_by: who acknowledged it.
        silenced_by: who silenced it.
        until: end of the ack or silence; an hour after the onset by default.
        labels: further ones, such as ``service="checkout"``.
    """
    every = {"alertname": name, "severity": severity, **labels}
    silences: tuple[Silence, ...] = ()
    if who := acked_by or silenced_by:
        silences = (
            Silence(
                cluster=cluster,
                id=f"silence-{name}",
                matchers=(Matcher("alertname", name),),
                starts_at=onset,
                ends_at=until or onset + timedelta(hours=1),
                created_by=who,
                comment=f"{ACK_PREFIX} seen" if acked_by else "maintenance",
                state=SilenceState.ACTIVE,
            ),
        )
    return Alert(
        cluster=cluster,
        environment=environment or cluster,
        fingerprint=blake2s(repr((cluster, sorted(every.items()))).encode(), digest_size=8).hexdigest(),
        labels=every,
        annotations={"summary": f"{name} fires"},
        starts_at=onset,
        receivers=("pager",),
        suppressed=bool(silences),
        silenced_by=tuple(silence.id for silence in silences),
        silences=silences,
    )


def make_deployment(
    name: str,
    state: RolloutState = RolloutState.COMPLETE,
    *,
    changed_at: datetime | None = None,
    context: str = "prod",
    ready: int = 3,
    desired: int = 3,
    trouble: str = "",
    revision: int = 12,
) -> Deployment:
    """A Deployment in the namespace ``shop``."""
    return Deployment(
        context=context,
        environment=context,
        namespace="shop",
        name=name,
        kind="Deployment",
        ready=ready,
        desired=desired,
        updated=ready,
        revision=revision,
        changed_at=changed_at,
        state=state,
        trouble=trouble,
        images=(f"registry.example/{name}:{revision}",),
    )


def make_incident(
    number: int,
    title: str,
    started_at: datetime,
    *,
    severity: int = 2,
    state: IncidentState = IncidentState.INVESTIGATING,
    commander: str = "op-a",
) -> Incident:
    """An incident that nobody touched since it was detected, a minute after its start."""
    detected = started_at + timedelta(minutes=1)
    return Incident(number, title, severity, state, commander, started_at, detected, detected)


def open_circuit(at: datetime, by: str = "op-a", reason: str = "rollout storm") -> Circuit:
    """The breaker, opened by a person."""
    return Circuit(CircuitState.OPEN, 1, by, at, reason, manual=True)
