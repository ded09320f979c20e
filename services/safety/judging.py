"""What the breaker and the gates say of one write, put together."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.safety.gate import Asked, Gate, Ruling, Verdict
from services.safety.plan import Confirmation, Plan, Risk
from services.safety.window import Thresholds, cooldown
from services.vocabulary.durations import format_duration

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

Keep = Callable[["AsyncConnection"], Awaitable[str]]
"""Writes what belongs to a refusal; see :attr:`services.safety.gate.Verdict.keep`."""

_log = logging.getLogger(__name__)


class Denied(Exception):
    """Ends the transaction that would have written an intent, so that nothing of it is kept."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all gates together say.

    Attributes:
        stopped: the first verdict that refuses, or allows nothing but a dry run; None where none does.
        asks: what has to be agreed to, in the order of the gates.
        rules: the rules that allowed it, for the record.
        keeps: what is written down where the person says no to what gates ask.
        waived: whether what the plan itself would ask needs no yes.
    """

    stopped: Verdict | None = None
    asks: tuple[Confirmation, ...] = ()
    rules: tuple[str, ...] = ()
    keeps: tuple[Keep, ...] = ()
    waived: bool = False


async def judge(gates: Sequence[Gate], asked: Asked, connection: AsyncConnection, *, final: bool) -> Judgement:
    """Ask the gates one after another; the first that refuses, or allows a dry run alone, is the last one asked."""
    asks: list[Confirmation] = []
    rules: list[str] = []
    keeps: list[Keep] = []
    waived = False
    for gate in gates:
        try:
            verdict = await gate.consider(asked, connection, final=final)
        except Exception as error:
            # What cannot be judged is not allowed, and says which it was.
            _log.exception("%s could not judge %s", gate.name, asked.plan.action)
            verdict = Verdict(
                Ruling.REFUSE,
                rule=gate.name,
                reason=f"{gate.name} could not be evaluated: {str(error) or type(error).__name__}",
                hint="what cannot be evaluated blocks; mend it, or do it by hand",
            )
        if verdict.ruling in (Ruling.REFUSE, Ruling.TRY):
            return Judgement(verdict, tuple(asks), tuple(rules))
        if verdict.ruling is Ruling.ASK:
            asks.append(verdict.confirmation or Confirmation(verdict.reason or f"{gate.name} asks for a yes"))
            keeps += [verdict.keep] if verdict.keep is not None else []
        if verdict.rule:
            rules.append(verdict.rule)
        if verdict.approval is not None:
            asked = replace(asked, approvals=(*asked.approvals, verdict.approval))
        waived = waived or verdict.waives
    return Judgement(None, tuple(asks), tuple(rules), tuple(keeps), waived)


def own_question(plan: Plan, *, waived: bool) -> tuple[Confirmation, ...]:
    """What ``plan`` itself asks; nothing where it asks nothing, or for a mere yes that a gate waives."""
    own = plan.confirmation
    if own is None or (waived and plan.risk is not Risk.DESTRUCTIVE and not own.typed and not own.person):
        return ()
    return (own,)


def to_agree(plan: Plan, asks: Sequence[Confirmation], *, waived: bool = False) -> Confirmation | None:
    """One confirmation for all that asks for one: the plan itself and the gates; None where nothing does."""
    every = [*own_question(plan, waived=waived), *asks]
    if not every:
        return None
    questions = list(dict.fromkeys(one.question for one in every))
    if plan.risk is Risk.DESTRUCTIVE:
        # Nobody takes service from users without having read from whom.
        questions += [f"{one.kind} {one.name} in {one.environment}" for one in plan.targets]
    return Confirmation(
        "; ".join(questions),
        next((one.typed for one in every if one.typed), ""),
        person=bool(asks) or any(one.person for one in every),
    )


def unasked(asks: Sequence[Confirmation], agreed: Confirmation | None) -> Verdict | None:
    """A refusal where more is asked for now than the person agreed to a moment ago; else None."""
    for ask in asks:
        known = agreed is not None and ask.question in agreed.question and ask.typed in ("", agreed.typed)
        if not known:
            return Verdict(
                Ruling.REFUSE,
                rule="confirmation",
                reason=f"something changed while it was being asked: {ask.question}",
                hint="nothing was sent; ask again",
            )
    return None


@dataclass(frozen=True, slots=True)
class Passage:
    """What the breakers say of one write.

    Attributes:
        stopped: the refusal; None where they let it through.
        probing: the half-open breakers whose probe it would be.
        asks: what a person must agree to before it may be that probe.
    """

    stopped: Verdict | None = None
    probing: tuple[Circuit, ...] = ()
    asks: tuple[Confirmation, ...] = ()


def passage(circuits: Sequence[Circuit], asked: Asked, thresholds: Thresholds) -> Passage:
    """Whether the breakers let a write through; the stricter one counts.

    Args:
        circuits: the global one and that of the plan's source.
        asked: the write.
        thresholds: how long one stays open, and whether a probe may heal it.
    """
    standing = {circuit: circuit.standing(asked.at) for circuit in circuits}
    for circuit in circuits:
        if standing[circuit] is CircuitState.OPEN:
            words = f"{circuit.name} is open {circuit.since(asked.at)}"
            verb = "close" if circuit.manual else "reset"
            wait = "" if circuit.manual else f"{circuit.outlook(asked.at)}; "
            return Passage(_no(words, f"nothing was sent; {wait}{_line(circuit, verb)} lets writes through again"))
    probing = tuple(circuit for circuit in circuits if standing[circuit] is CircuitState.HALF_OPEN)
    for circuit in probing:
        if why := _no_probe(circuit, asked, thresholds):
            words = f"{circuit.name} is half-open {circuit.since(asked.at)}: {why}"
            return Passage(_no(words, f"nothing was sent; {_line(circuit, 'close')} lets writes through again"))
    if not probing:
        return Passage()
    longest = max(format_duration(cooldown(circuit.trips + 1, thresholds)) for circuit in probing)
    names = " and ".join(circuit.name for circuit in probing)
    question = f"this is the one probe of {names}: done closes it, a failure opens it again for {longest}"
    return Passage(None, probing, (Confirmation(question, person=True),))


def _no_probe(circuit: Circuit, asked: Asked, thresholds: Thresholds) -> str:
    """Why a write cannot be the probe of a half-open breaker; empty where it can."""
    if not thresholds.probe:
        return "probes are switched off (half_open_probe), so a person has to close it"
    if circuit.probe is not None:
        return f"its probe is under way (intent {circuit.probe})"
    if asked.actor.automation:
        return "its probe is a person's, and no script's"
    if not asked.plan.reversible or asked.plan.risk is Risk.DESTRUCTIVE:
        return "its probe must be something that can be taken back, and this cannot"
    return ""


def _no(reason: str, hint: str) -> Verdict:
    return Verdict(Ruling.REFUSE, rule="breaker", reason=reason, hint=hint)


def _line(circuit: Circuit, verb: str) -> str:
    named = "" if circuit.scope == GLOBAL else f" {circuit.scope}"
    return f'/circuit {verb}{named} --reason "…"'


def with_confirmation(plan: Plan, confirmation: Confirmation | None) -> Plan:
    """``plan`` as the person is asked about it."""
    return plan if plan.confirmation == confirmation else replace(plan, confirmation=confirmation)
