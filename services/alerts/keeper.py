"""Keeps up what people made: one console of all prolongs acks whose alert fires, and posts alerts made by hand again.

Each write goes through the guard as the one of the person who asked for it: their ack or alert is a standing leave,
which ends at the time that they were told. What a policy would ask a person about is not done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from services.alerts.amtool import silence_line
from services.alerts.expiring import silence_mark
from services.alerts.kept import REPOST, SHORT, STEP, KeptAck, KeptAlert
from services.alerts.listing import clock_time
from services.alerts.making import MakingNeeds, plan_repost
from services.alerts.matchers import pinned_namespaces
from services.alerts.model import ACK, Silence, SilenceDraft, SilenceState
from services.alerts.now import AlertsNow
from services.command import Confirmer
from services.safety.actor import Actor
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk, Target
from services.storage.leases import Leases
from services.vocabulary.errors import ConsoleError, SourceError
from services.vocabulary.quoting import command_line

LEASE = "alerts keeper"
LASTING = timedelta(seconds=90)
EVERY = 20.0
"""Seconds between two rounds."""

_log = logging.getLogger(__name__)


class Executor(Protocol):
    """The guard, as far as it is needed here."""

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        """Do what ``plan`` says, if it may be done."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What a round did; for the log and for tests."""

    prolonged: int = 0
    posted: int = 0
    ended: int = 0


class Keeper:
    """Goes round every few seconds, and does nothing where another console has the lease or nothing is kept."""

    def __init__(
        self, needs: MakingNeeds, guard: Executor, leases: Leases, tell: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        """
        Args:
            needs: what is kept, and where it is.
            guard: the only road to a write.
            leases: of this console.
            tell: a title and a sentence that a person should see.
        """
        self._needs = needs
        self._guard = guard
        self._leases = leases
        self._tell = tell
        self._told: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Go round until this is cancelled."""
        while True:
            try:
                await self.round()
            except ConsoleError as error:
                _log.warning("what is kept could not be looked at: %s", error)
            await self._needs.alerts.clock.sleep(EVERY)

    async def round(self) -> Kept:
        """Look once at all that is kept.

        Raises:
            StoreError: the store cannot be read or written.
        """
        alerts, acks = await self._needs.kept.alerts(), await self._needs.kept.acks()
        if not (alerts or acks) or not await self._mine():
            return Kept()
        now = await self._needs.alerts.current()
        done = Kept()
        for alert in alerts:
            if alert.cluster in self._needs.alerts.writers:
                done = await self._alert(alert, now, done)
        for cluster in sorted({ack.cluster for ack in acks} & self._needs.alerts.writers.keys()):
            try:
                silences = {one.id: one for one in await self._needs.alerts.readers[cluster].silences()}
            except SourceError as error:
                _log.warning("acks of %s are not looked at: %s", cluster, error)
                continue
            for ack in acks:
                if ack.cluster == cluster:
                    done = await self._ack(ack, silences.get(ack.silence), now, done)
        return done

    async def _mine(self) -> bool:
        return await self._leases.take(LEASE, LASTING)

    async def _alert(self, kept: KeptAlert, now: AlertsNow, done: Kept) -> Kept:
        at = self._needs.alerts.clock.now()
        if kept.ends_at <= at:
            await self._needs.kept.ended(kept.number)
            return replace(done, ended=done.ended + 1)
        lost = kept.cluster not in now.untrusted and not any(one.id == kept.id for one in now.alerts)
        waited = at - kept.posted_at
        # What was posted just now need not be in the last reading yet.
        if waited < REPOST and not (lost and waited > timedelta(seconds=EVERY)):
            return done
        line = command_line("alerts create", kept.name)
        if await self._do(kept.id, plan_repost(self._needs, kept), line, kept.actor):
            return replace(done, posted=done.posted + 1)
        return done

    async def _ack(self, ack: KeptAck, silence: Silence | None, now: AlertsNow, done: Kept) -> Kept:
        at = self._needs.alerts.clock.now()
        if silence is None or silence.state is SilenceState.EXPIRED or silence.ends_at <= at:
            await self._needs.kept.release(ack.cluster, ack.silence)
            return replace(done, ended=done.ended + 1)
        if silence.ends_at - at >= SHORT or ack.cluster in now.untrusted:
            return done
        muted = [one for one in now.alerts if one.cluster == ack.cluster and silence.id in one.silenced_by]
        if not muted:
            return done
        ends_at = min(at + STEP, ack.until)
        # Alertmanager keeps milliseconds, the store more.
        if ends_at - silence.ends_at < timedelta(seconds=1):
            self._say(
                ack.alert,
                f"The ack of {silence.created_by} ends",
                f"{muted[0].name or ack.alert} still fires and notifies again at {clock_time(silence.ends_at, at)}: "
                "the ack was kept as long as it may be. Ack it again or silence it.",
            )
            return done
        plan = self._prolonging(ack, silence, ends_at, muted[0].environment)
        if await self._do(ack.alert, plan, command_line("alerts ack", ack.alert), ack.actor):
            return replace(done, prolonged=done.prolonged + 1)
        return done

    def _prolonging(self, ack: KeptAck, silence: Silence, ends_at: datetime, environment: str) -> Plan:
        needs = self._needs.alerts
        writer = needs.writers[ack.cluster]
        write = writer.one_write()
        draft = SilenceDraft(
            silence.matchers, silence.starts_at, ends_at, silence.created_by, silence.comment, silence.id
        )
        until = clock_time(ends_at, needs.clock.now())

        async def apply(permit: WritePermit) -> Applied:
            silence_id = await write.create_silence(permit, draft, action=ACK, target=ack.alert)
            needs.written(ack.cluster)
            mark = silence_mark(draft.matchers, draft.ends_at, draft.created_by, draft.comment)
            await self._needs.kept.prolonged(ack, silence_id, mark)
            said = f"{silence.created_by}'s ack is prolonged until {until}: the alert still fires"
            return Applied(f"{said} (by leave of {ack.actor.operator})", {"silence": silence_id})

        async def verify(applied: Applied) -> bool:
            found = await write.silence(str(applied.data["silence"]))
            return found is not None and abs(found.ends_at - ends_at) < timedelta(seconds=1)

        return Plan(
            action=ACK,
            risk=Risk.WRITE,
            source=f"alertmanager {ack.cluster}",
            environment=environment,
            targets=(Target("alert", ack.alert, environment),),
            summary=f"prolongs {silence.created_by}'s ack until {until}",
            equivalent=silence_line(writer.url, draft),
            apply=apply,
            verify=verify,
            prepare=write.choose,
            reversible=True,
            namespaces=pinned_namespaces(silence.matchers),
        )

    async def _do(self, what: str, plan: Plan, line: str, actor: Actor) -> bool:
        # A round may take long: whoever lost the lease meanwhile does nothing more.
        if not await self._mine():
            return False
        try:
            outcome = await self._guard.execute(plan, command=line, actor=actor, confirm=_nobody)
        except ConsoleError as error:
            self._say(what, "Not kept up", f"{plan.summary}: {error}")
            return False
        if outcome.status is not OutcomeStatus.DONE:
            self._say(what, "Not kept up", f"{plan.summary}: {outcome.message}")
            return False
        self._told = {told for told in self._told if told[0] != what}
        return True

    def _say(self, what: str, title: str, text: str) -> None:
        if (what, title) not in self._told:
            self._told.add((what, title))
            _log.warning("%s: %s", title, text)
            self._tell(title, text)


async def _nobody(plan: Plan) -> bool:
    # There is no person here to ask.
    del plan
    return False
