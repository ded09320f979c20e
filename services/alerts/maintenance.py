"""Maintenance that comes back: the silence of each window is made ahead, by one console of all.

The configuration is the standing leave of whoever wrote it. Each silence goes through the guard as any other write, and
what a policy would ask a person about is not done, but told. A window that a person ended early stays ended: the
comment names the window, and Alertmanager remembers silences for days after their end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.alerts.amtool import silence_line
from services.alerts.expiring import undo_line
from services.alerts.listing import clock_time
from services.alerts.matchers import format_matcher, pinned_namespaces
from services.alerts.model import SILENCE, Matcher, Silence, SilenceDraft, SilenceState
from services.alerts.needs import AlertsNeeds
from services.alerts.wire import instant
from services.command import Confirmer
from services.safety.actor import Actor
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk, Target
from services.storage.leases import Leases
from services.vocabulary.errors import ConsoleError, SourceError
from services.vocabulary.quoting import command_line

LEASE = "alerts maintenance"
LASTING = timedelta(seconds=120)
EVERY = 30.0
"""Seconds between two rounds."""
AHEAD = timedelta(hours=1)
"""The silence of a window is there so long before it opens, for people to see it and to end it."""

_log = logging.getLogger(__name__)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """One that comes back.

    Attributes:
        name: of the maintenance; it stands in the comment of each silence.
        matchers: what is muted.
        clusters: in which Alertmanagers; empty for all.
        comment: why (raw).
        window: a moment (UTC) -> the window that is open then, or opens next; None where none does.
    """

    name: str
    matchers: tuple[Matcher, ...]
    clusters: tuple[str, ...]
    comment: str
    window: Callable[[datetime], Span | None]

    def marked(self, opens: datetime) -> str:
        """How the comment of the silence of one window begins."""
        return f"maintenance {self.name} {instant(opens)}:"


class Executor(Protocol):
    """The guard, as far as it is needed here."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        """Do what ``plan`` says, if it may be done."""
        ...


class Maintainer:
    """Goes round, and makes what is missing where this console has the lease."""

    def __init__(
        self,
        needs: AlertsNeeds,
        guard: Executor,
        leases: Leases,
        actor: Actor,
        every: Sequence[Maintenance],
        tell: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """
        Args:
            needs: the clusters and the time.
            guard: the only road to a write.
            leases: of this console.
            actor: whose console it is.
            every: what comes back.
            tell: a title and a sentence that a person should see.
        """
        self._needs = needs
        self._guard = guard
        self._leases = leases
        self._actor = actor
        self._every = tuple(every)
        self._tell = tell
        self._told: set[str] = set()

    async def run(self) -> None:
        """Go round until this is cancelled."""
        while True:
            try:
                await self.round()
            except ConsoleError as error:
                _log.warning("maintenance could not be looked at: %s", error)
            await self._needs.clock.sleep(EVERY)

    async def round(self) -> int:
        """Look once at every window.

        Returns:
            How many silences were made.

        Raises:
            StoreError: the store cannot be read or written.
        """
        now = self._needs.clock.now()
        due: dict[str, list[tuple[Maintenance, Span]]] = {}
        for one in self._every:
            span = one.window(now)
            if span is None or span[0] - now > AHEAD or span[1] <= now:
                continue
            for cluster in one.clusters or tuple(self._needs.writers):
                if cluster in self._needs.writers:
                    due.setdefault(cluster, []).append((one, span))
        if not due or not await self._leases.take(LEASE, LASTING):
            return 0
        made = 0
        for cluster, several in due.items():
            try:
                known = await self._needs.readers[cluster].silences()
            except SourceError as error:
                self._say(cluster, "Maintenance is not looked at", str(error))
                continue
            for one, (opens, closes) in several:
                if not any(silence.comment.startswith(one.marked(opens)) for silence in known):
                    made += await self._make(one, cluster, opens, closes)
        return made

    async def _make(self, one: Maintenance, cluster: str, opens: datetime, closes: datetime) -> bool:
        plan = self._plan(one, cluster, opens, closes)
        what = f"{one.name}/{cluster}/{instant(opens)}"
        try:
            outcome = await self._guard.execute(
                plan, command=command_line("maintenance", one.name), actor=self._actor, confirm=_nobody
            )
        except ConsoleError as error:
            self._say(what, f"Maintenance {one.name} is not silenced", f"{cluster}: {error}")
            return False
        if outcome.status is not OutcomeStatus.DONE:
            self._say(what, f"Maintenance {one.name} is not silenced", f"{cluster}: {outcome.message}")
            return False
        return True

    def _plan(self, one: Maintenance, cluster: str, opens: datetime, closes: datetime) -> Plan:
        needs, writer = self._needs, self._needs.writers[cluster]
        write, now = writer.one_write(), needs.clock.now()
        environment = needs.readers[cluster].environment
        comment = f"{one.marked(opens)} {one.comment}"
        # One that is open already begins when Alertmanager takes it.
        draft = SilenceDraft(one.matchers, opens, closes, self._actor.operator, comment)
        target = Target("maintenance", f"{cluster}: {one.name}", environment)
        times = f"{clock_time(opens, now)} to {clock_time(closes, now)}"

        async def apply(permit: WritePermit) -> Applied:
            silence_id = await write.create_silence(permit, draft, action=SILENCE, target=target.name)
            needs.written(cluster)
            return Applied(
                f"maintenance {one.name} is silenced in {cluster} from {times}",
                {"silence": silence_id},
                undo_line(cluster, silence_id, draft, None),
            )

        async def verify(applied: Applied) -> bool:
            return _is(await write.silence(str(applied.data["silence"])), draft)

        return Plan(
            action=SILENCE,
            risk=Risk.WRITE,
            source=f"alertmanager {cluster}",
            environment=environment,
            targets=(target,),
            summary=f"silences maintenance {one.name} in {cluster} from {times}",
            equivalent=silence_line(writer.url, draft),
            apply=apply,
            verify=verify,
            prepare=write.choose,
            preview=("matchers:", *(f"  {format_matcher(matcher)}" for matcher in draft.matchers)),
            reversible=True,
            namespaces=pinned_namespaces(draft.matchers),
        )

    def _say(self, what: str, title: str, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning("%s: %s", title, text)
            self._tell(title, text)


def _is(silence: Silence | None, draft: SilenceDraft) -> bool:
    return (
        silence is not None
        and silence.state is not SilenceState.EXPIRED
        and set(silence.matchers) == set(draft.matchers)
        and abs(silence.ends_at - draft.ends_at) < timedelta(seconds=1)
    )


async def _nobody(plan: Plan) -> bool:
    # There is no person here to ask.
    del plan
    return False
