"""The console's own records and the commands over everything. Imported late: SQLAlchemy alone takes a quarter second.

The alerts stand on the screen meanwhile; what needs the store waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from console.history import historian, history_needs
from console.incidents import add_incidents
from console.late_store import LateStore
from console.metrics_needs import fired_in, metrics_needs, rule_needs
from console.theme_command import COMMANDS as THEME_COMMANDS
from console.theme_command import ThemeNeeds
from services.alerts.commands import COMMANDS as ALERTS_COMMANDS
from services.alerts.correlating import COMMANDS as CORRELATING_COMMANDS
from services.alerts.correlating import CorrelatingNeeds
from services.alerts.keeper import Keeper
from services.alerts.kept import ACK_MAX
from services.alerts.kept_repository import KeptRepository
from services.alerts.maintenance import Maintainer, Maintenance
from services.alerts.making import MakingNeeds
from services.alerts.making_commands import COMMANDS as MAKING_COMMANDS
from services.alerts.model import ACK, CREATE, EXPIRE, RESOLVE, SILENCE
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow, alerts_of_snapshots, read_alerts
from services.alerts.viewing_commands import COMMANDS as VIEWING_COMMANDS
from services.alerts.viewing_commands import ViewingNeeds
from services.approvals.commands import COMMANDS as APPROVALS_COMMANDS
from services.approvals.commands import ApprovalsNeeds
from services.approvals.gate import ApprovalDesk
from services.approvals.repository import ApprovalRepository
from services.audit.anchors import AnchorFile, Anchoring
from services.audit.commands import COMMANDS as AUDIT_COMMANDS
from services.audit.commands import AuditNeeds
from services.audit.search import AuditSearch
from services.circuit.commands import COMMANDS as CIRCUIT_COMMANDS
from services.circuit.commands import CircuitNeeds
from services.command import Invocation, Result
from services.deployments.commands import COMMANDS as DEPLOYMENTS_COMMANDS
from services.deployments.commands import DeploymentsNeeds
from services.history.commands import COMMANDS as HISTORY_COMMANDS
from services.history.repository import HistoryRepository
from services.incidents.ownership import OwnershipRepository
from services.incidents.repository import IncidentRepository
from services.metrics.commands import COMMANDS as METRICS_COMMANDS
from services.metrics.rule_commands import RULE_COMMANDS
from services.oncall.commands import COMMANDS as ONCALL_COMMANDS
from services.oncall.commands import OncallNeeds
from services.policy.commands import COMMANDS as POLICY_COMMANDS
from services.policy.commands import Planned, PolicyNeeds
from services.policy.gate import PolicyGate
from services.registry import CommandError, Registry
from services.safety.audit import Audit
from services.safety.breaker import Breaker
from services.safety.glass_journal import GlassJournal
from services.safety.guard import Guard
from services.safety.keying import begin_key
from services.safety.last_known import LastKnown
from services.safety.refusals import Refusals
from services.storage.address import parse_address
from services.storage.keys import NO_KEYS, ChainKeys
from services.storage.leases import Leases
from services.trust.commands import COMMANDS as TRUST_COMMANDS
from services.trust.commands import TrustNeeds
from services.trust.gate import TrustedDesk, TrustGate
from services.trust.ledger import Ledger
from services.trust.model import TrustRules
from services.trust.repository import TrustRepository
from services.trust.witness import TrustWitness
from services.undo.commands import COMMANDS as UNDO_COMMANDS
from services.undo.commands import UndoNeeds
from services.undo.gate import UndoGate
from services.undo.repository import UndoRepository
from services.vocabulary.errors import Refused, StoreError
from services.vocabulary.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path

    from console.live import Live
    from console.preferences import Preferences
    from console.sources import Sources
    from services.alerts.saved_views import ChosenView
    from services.deployments.model import Deployment
    from services.history.historian import Historian
    from services.metrics.objective import Objective
    from services.policy.model import Policy
    from services.safety.actor import Actor
    from services.safety.circuit import Circuit
    from services.safety.outcome import Unfinished
    from services.safety.plan import Plan
    from services.safety.window import Thresholds
    from services.vocabulary.clock import Clock


_RETRY = 5.0

_log = logging.getLogger(__name__)


class Records:
    """What lies in the store.

    Attributes:
        store: opened at its first use.
        incidents: the incidents. breaker: the circuit. audit: what was decided and done.
        anchor_file: where heads of the audit are kept; None where none is configured.
        approvals: what waits for a second person. policies: of the configuration.
        trust: how far automation may go.
        guard: the road to outside writes; None where nothing may be written.
        kept: acks and alerts that are kept up. leases: of this console. keeper: keeps them up, once there are commands.
        history: what happened to alerts. historian: writes it down, once there are commands.
        maintainer: silences maintenance that comes back; None where there is none. actor: whose console it is.
        ownership: which incident owns which alert.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        writing: bool,
        thresholds: Thresholds | None = None,
        policies: Sequence[Policy] = (),
        approval_lifetime: timedelta = timedelta(minutes=30),
        trust: TrustRules | None = None,
        redaction: Callable[[str], str] | None = None,
        password: Callable[[], str] | None = None,
        memory: Path | None = None,
        actor: Actor | None = None,
        keys: ChainKeys = NO_KEYS,
        anchor_file: Path | None = None,
    ) -> None:
        """Opens nothing yet; ``password`` is asked at each new connection to PostgreSQL.

        In the directory ``memory`` is kept what has to be known where the store is lost; None keeps nothing. ``actor``
        brings back what was written meanwhile. ``keys`` hash the audit, whose heads go to the log and ``anchor_file``.
        """
        known, journal = _memory(memory if writing else None, url, redaction)
        self.actor = actor
        self.store = LateStore(
            url,
            clock,
            read_only=not writing,
            redaction=redaction,
            password=password,
            last_known=known,
            opened=self._back,
            keys=keys,
        )
        self.incidents = IncidentRepository(self.store, clock)
        self.kept = KeptRepository(self.store, clock)
        self.leases = Leases(self.store, clock, uuid4().hex)
        self.keeper: Keeper | None = None
        self.history = HistoryRepository(self.store)
        self.historian: Historian | None = None
        self.maintainer: Maintainer | None = None
        self.ownership = OwnershipRepository(self.store, clock)
        self.breaker = Breaker(self.store, clock, thresholds=thresholds, last_known=known)
        self.audit = Audit(self.store)
        self.anchor_file = None if anchor_file is None else AnchorFile(anchor_file, parse_address(url).name)
        self._anchoring = Anchoring(self.anchor_file, clock)
        rules = trust or TrustRules()
        ledger = Ledger(self.store, clock, rules)
        self.trust = TrustRepository(self.store, clock, rules, ledger)
        witness = TrustWitness(ledger, rules)
        self.approvals = ApprovalRepository(self.store, clock, approval_lifetime, rejected=witness.rejected)
        self.policies = tuple(policies)
        desk = ApprovalDesk(self.approvals)
        trusting = TrustGate(ledger, rules, desk)
        gates = (UndoGate(), PolicyGate(self.policies, TrustedDesk(trusting, desk)), trusting)
        self.guard = (
            Guard(
                self.store,
                clock,
                gates=gates,
                witnesses=(witness,),
                thresholds=thresholds,
                last_known=known,
                journal=journal,
            )
            if writing
            else None
        )

    async def keep_head(self) -> None:
        """Keep the head of the audit outside the store, unless it is kept there already.

        Raises:
            ConsoleError: the store cannot be read, or the anchor file not written.
        """
        await asyncio.to_thread(self._anchoring.note, await self.audit.head())

    async def follow_head(self) -> None:
        """Keep each new head of the audit outside the store, until this is cancelled.

        Raises:
            ConsoleError: the anchor file cannot be written.
        """
        seen = -1
        while True:
            try:
                seen = await self.store.wait(seen)
                head = await self.audit.head()
            except StoreError:
                await self.store.clock.sleep(_RETRY)  # that it is lost is told where it is shown
                continue
            await asyncio.to_thread(self._anchoring.note, head)

    async def _back(self) -> None:
        # What a person wrote while the store was lost; and that there is a key, where there was none.
        if self.guard is None or self.actor is None:
            return
        try:
            await self.guard.bring(self.actor)
            await begin_key(self.store, self.audit, self.actor)
        except StoreError as error:
            _log.warning("what was written without the store is not yet in its audit: %s", error)


def _memory(
    directory: Path | None, url: str, redaction: Callable[[str], str] | None
) -> tuple[LastKnown, GlassJournal] | tuple[None, None]:
    if directory is None:
        return None, None
    identity = parse_address(url).identity
    return LastKnown(directory, identity), GlassJournal(directory, identity, redaction or redact)


def add_commands(
    registry: Registry,
    records: Records,
    sources: Sources,
    live: Live,
    clock: Clock,
    *,
    headless: bool,
    incident_response: bool,
    environments: tuple[str, ...],
    preferences: Preferences,
    switch_theme: Callable[[str], None] | None,
    notes: Callable[[], Sequence[str]] = tuple,
    objectives: Sequence[Objective] = (),
    chosen: ChosenView,
    ack_max: timedelta = ACK_MAX,
    history: timedelta = timedelta(days=90),
    maintenance: Sequence[Maintenance] = (),
    notice: Callable[[str, str], None] = lambda *_: None,
) -> None:
    """Give ``registry`` every command, each with what it needs.

    Args:
        registry: where they go.
        records: the store and what lies in it.
        sources: the clients of the outside systems.
        live: the feeds.
        clock: the only time there is.
        headless: commands read the sources themselves; there is no screen that keeps feeds up to date.
        incident_response: whether there are incidents.
        environments: those that are configured.
        preferences: where the theme is remembered.
        switch_theme: shows a theme at once; None where there is no screen.
        notes: what ``/circuit status`` tells besides, such as where the gateway listens.
        objectives: service levels of the configuration.
        chosen: the view of the alerts.
        ack_max: how long an ack is kept at most while its alert fires.
        history: how long is kept what happened to alerts.
        maintenance: windows that come back.
        notice: shows a person a title and a sentence.
    """

    async def alerts_now() -> AlertsNow:
        if headless:
            return await read_alerts(tuple(sources.alertmanagers.values()), clock)
        return alerts_of_snapshots({name: feed.snapshot for name, feed in live.alerts.items()})

    def circuit_seen() -> Circuit | None:
        items = live.circuit.snapshot.items
        return items[0] if items else None

    alerts_needs = AlertsNeeds(
        current=alerts_now,
        latest=lambda: [alert for feed in live.alerts.values() for alert in feed.snapshot.items],
        readers=sources.alertmanagers,
        writers=sources.writers,
        clock=clock,
        written=live.alerts_written,
        must_fire=sources.must_fire,
        views=chosen.views,
        kept=records.kept,
        ack_max=ack_max,
        fired=fired_in(sources),
    )
    making = MakingNeeds(alerts_needs, records.kept)
    if records.guard is not None:
        records.keeper = Keeper(making, records.guard, records.leases, notice)
        if maintenance and records.actor is not None:
            records.maintainer = Maintainer(
                alerts_needs, records.guard, records.leases, records.actor, maintenance, notice
            )
        records.historian = historian(records.history, records.leases, live, alerts_needs, history)

    async def workloads() -> Sequence[Deployment]:
        snapshots = await (live.read_deployments() if headless else live.deployments_now())
        return [one for snapshot in snapshots for one in snapshot.items]

    if records.guard is not None:
        registry.keep_refusals(Refusals(records.store, records.audit).keep)
    registry.add(ALERTS_COMMANDS, alerts_needs)
    registry.add(MAKING_COMMANDS, making)
    registry.add(HISTORY_COMMANDS, history_needs(records.history, records.ownership, sources, alerts_needs, history))
    registry.add(VIEWING_COMMANDS, ViewingNeeds(alerts_needs, None if headless else chosen))
    registry.add(CORRELATING_COMMANDS, CorrelatingNeeds(alerts_now, alerts_needs.offers, clock, workloads))
    if incident_response:
        add_incidents(registry, records.incidents, records.ownership, live, alerts_needs)
    registry.add(
        DEPLOYMENTS_COMMANDS,
        DeploymentsNeeds(
            current=live.read_deployments if headless else live.deployments_now,
            latest=live.known_deployments,
            clock=clock,
        ),
    )
    metrics = metrics_needs(sources, registry, alerts_now, clock, objectives)
    registry.add(METRICS_COMMANDS, metrics)
    registry.add(RULE_COMMANDS, rule_needs(sources, metrics, alerts_needs))
    registry.add(ONCALL_COMMANDS, OncallNeeds(sources.schedule, clock))
    registry.add(
        CIRCUIT_COMMANDS,
        CircuitNeeds(
            records.breaker,
            clock,
            seen=circuit_seen,
            unfinished=_none_unfinished if records.guard is None else records.guard.unfinished,
            sources=lambda: [f"alertmanager {name}" for name in sources.writers],
            notes=notes,
        ),
    )
    registry.add(
        AUDIT_COMMANDS,
        AuditNeeds(
            records.audit,
            AuditSearch(records.store),
            clock,
            records.store.redact,
            lambda: records.store.keys,
            anchor_file=records.anchor_file,
            unfinished=_none_unfinished if records.guard is None else records.guard.unfinished,
        ),
    )

    async def run_line(line: str, invocation: Invocation) -> Result:
        return await registry.run(registry.parse(line), invocation)

    async def plan_line(line: str, invocation: Invocation) -> Planned:
        request = registry.parse(line, invocation.selection)
        return Planned(request.line, await registry.plan(request, invocation))

    registry.add(POLICY_COMMANDS, PolicyNeeds(records.policies, environments, plan_line, clock))

    async def plan_undo(line: str, invocation: Invocation) -> Plan | None:
        try:
            request = registry.parse(line)
        except CommandError as error:
            raise Refused(f"this version does not understand what takes it back: {line} ({error.message})") from None
        return await registry.plan(request, invocation)

    registry.add(UNDO_COMMANDS, UndoNeeds(UndoRepository(records.store), plan_undo, clock))
    registry.add(
        APPROVALS_COMMANDS,
        ApprovalsNeeds(records.approvals, run_line, lambda: live.approvals.snapshot.items, clock),
    )
    registry.add(
        TRUST_COMMANDS,
        TrustNeeds(
            records.trust, lambda: records.trust.seen, (ACK, SILENCE, EXPIRE, CREATE, RESOLVE), environments, clock
        ),
    )
    registry.add(THEME_COMMANDS, ThemeNeeds(preferences, switch_theme))


async def _none_unfinished() -> tuple[Unfinished, ...]:
    return ()
