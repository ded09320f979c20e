"""Trust as a gate of the guard: what automation may do at the level in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.policy.model import Answer, PolicyDecision, Requirement
from services.safety.actor import Surface
from services.safety.gate import ALLOWED, Asked, Ruling, Verdict
from services.safety.plan import Confirmation, Risk
from services.trust.act import act_of, scope_of
from services.trust.levels import Level
from services.trust.model import Held, TrustRules
from services.trust.rows import BAD

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from services.trust.ledger import Ledger

_BY_HAND = "nothing was sent; a person can do it: the same line without --automation"


class Approvals(Protocol):
    """Who asks a second person, such as :class:`services.approvals.gate.ApprovalDesk`."""

    async def answer(
        self, asked: Asked, decision: PolicyDecision, connection: AsyncConnection, *, final: bool
    ) -> Verdict:
        """The verdict on a write that needs the approvals of ``decision``."""
        ...


class TrustGate:
    """Holds automation at the level that its kind of action has earned in the environment. People pass."""

    name = "trust"

    def __init__(self, ledger: Ledger, rules: TrustRules, approvals: Approvals) -> None:
        """
        Args:
            ledger: what is kept.
            rules: what the configuration says.
            approvals: asks a person where none sits in front of the automation.
        """
        self._ledger = ledger
        self._rules = rules
        self._approvals = approvals

    async def consider(self, asked: Asked, connection: AsyncConnection, *, final: bool) -> Verdict:
        """Judge one write; trust that cannot be read is shadow."""
        if not asked.actor.automation:
            return ALLOWED
        held, level, words = await self._standing(asked, connection)
        if (verdict := self._restrained(asked, held, level, words)) is not None:
            return verdict
        if final:
            # Nothing leaves of which nobody could say afterwards how it went.
            await self._ledger.tally(connection, held)
        rule = _rule(level)
        if asked.plan.risk is Risk.DESTRUCTIVE:
            return self._ask(asked, level, rule, f"{words}: what is destructive is never autonomous")
        if level is not Level.ASSISTED:
            return Verdict(Ruling.ALLOW, rule=rule, waives=level is Level.SELECTIVE_AUTONOMY)
        if _attended(asked):
            return self._ask(asked, level, rule, f"{words}: a person agrees each time")
        if asked.approvals:
            return Verdict(Ruling.ALLOW, rule=rule)
        decision = PolicyDecision(
            Answer.NEEDS_APPROVAL,
            rule,
            f"{words}: it needs a person to agree each time",
            requirements=(Requirement("trust"),),
        )
        return await self._approvals.answer(asked, decision, connection, final=final)

    async def restrain(self, asked: Asked, connection: AsyncConnection) -> Verdict | None:
        """The verdict where the level lets nothing leave, so that nobody is asked to agree for nothing; else None."""
        if not asked.actor.automation:
            return None
        verdict = self._restrained(asked, *(await self._standing(asked, connection)))
        if verdict is None and asked.plan.risk is Risk.DESTRUCTIVE and not _attended(asked):
            return await self.consider(asked, connection, final=False)
        return verdict

    async def consider_alone(self, asked: Asked) -> Verdict:
        """Judge one write where the store is lost: nobody knows how far automation is trusted then."""
        if not asked.actor.automation:
            return ALLOWED
        reason = "how far automation is trusted lies in the store, so it counts as shadow"
        return Verdict(Ruling.REFUSE, rule=_rule(Level.SHADOW), reason=reason, hint=_BY_HAND)

    async def _standing(self, asked: Asked, connection: AsyncConnection) -> tuple[Held, Level, str]:
        plan, actor = asked.plan, asked.actor
        held = await self._ledger.held(connection, scope_of(plan.action, plan.environment))
        found = self._rules.in_force(held.level, actor.surface)
        words = f"automation is at {found.level.word} for {held.scope}"
        because = held.problem if self._rules.progressive and held.problem else found.why
        return held, found.level, f"{words} ({because})" if because else words

    def _restrained(self, asked: Asked, held: Held, level: Level, words: str) -> Verdict | None:
        if level is Level.DRY_RUN and asked.plan.dry_run is not None:
            return Verdict(Ruling.TRY, rule=_rule(level), reason=words)
        if level > Level.DRY_RUN:
            return None
        why = "it only proposes"
        if level is Level.DRY_RUN:
            why = f"{asked.plan.source} knows no dry run for it, so it only proposes as in shadow"

        async def keep(writing: AsyncConnection) -> str:
            return await self._ledger.propose(writing, act_of(asked), level, form="proposal", message="")

        return Verdict(
            Ruling.REFUSE,
            rule=_rule(level),
            reason=f"{words}: {why}",
            hint=_BY_HAND,
            # Evidence about what cannot be read would be held against nothing.
            keep=None if held.problem else keep,
        )

    def _ask(self, asked: Asked, level: Level, rule: str, words: str) -> Verdict:
        if not _attended(asked):
            return Verdict(Ruling.REFUSE, rule=rule, reason=f"{words}, it needs a person", hint=_BY_HAND)

        async def keep(writing: AsyncConnection) -> str:
            act = act_of(asked)
            await self._ledger.note(writing, act, level, state=BAD, form="question", message="a person said no")
            return ""

        return Verdict(Ruling.ASK, rule=rule, confirmation=Confirmation(words, person=True), keep=keep)


class TrustedDesk:
    """Asks for the approvals that policies want, but not for automation whose level lets nothing leave anyway."""

    def __init__(self, gate: TrustGate, approvals: Approvals) -> None:
        """
        Args:
            gate: knows the level.
            approvals: asks the second person.
        """
        self._gate = gate
        self._approvals = approvals

    async def answer(
        self, asked: Asked, decision: PolicyDecision, connection: AsyncConnection, *, final: bool
    ) -> Verdict:
        """The verdict on a write that needs the approvals of ``decision``."""
        restrained = await self._gate.restrain(asked, connection)
        if restrained is not None:
            return restrained
        return await self._approvals.answer(asked, decision, connection, final=final)


def _attended(asked: Asked) -> bool:
    """Whether somebody sits in front of it who can be asked."""
    return asked.actor.surface is Surface.CONSOLE


def _rule(level: Level) -> str:
    return f"trust {level.word}"
