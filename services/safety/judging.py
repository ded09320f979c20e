"""What the breaker and the gates say of one write, put together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.safety.circuit import Circuit
from services.safety.gate import Asked, Gate, Ruling, Verdict
from services.safety.plan import Confirmation, Plan

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

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
    """

    stopped: Verdict | None = None
    asks: tuple[Confirmation, ...] = ()
    rules: tuple[str, ...] = ()


async def judge(gates: Sequence[Gate], asked: Asked, connection: AsyncConnection, *, final: bool) -> Judgement:
    """Ask the gates one after another; the first that refuses, or allows a dry run alone, is the last one asked."""
    asks: list[Confirmation] = []
    rules: list[str] = []
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
        if verdict.rule:
            rules.append(verdict.rule)
    return Judgement(None, tuple(asks), tuple(rules))


def to_agree(plan: Plan, asks: Sequence[Confirmation]) -> Confirmation | None:
    """One confirmation for all that asks for one: the plan itself and the gates; None where nothing does."""
    every = [*((plan.confirmation,) if plan.confirmation is not None else ()), *asks]
    if not every:
        return None
    return Confirmation(
        "; ".join(dict.fromkeys(one.question for one in every)),
        next((one.typed for one in every if one.typed), ""),
        person=bool(asks) or any(one.person for one in every),
    )


def unasked(judgement: Judgement, agreed: Confirmation | None) -> Verdict | None:
    """A refusal where the gates ask for more now than the person agreed to a moment ago; else None."""
    for ask in judgement.asks:
        known = agreed is not None and ask.question in agreed.question and ask.typed in ("", agreed.typed)
        if not known:
            return Verdict(
                Ruling.REFUSE,
                rule="confirmation",
                reason=f"something changed while it was being asked: {ask.question}",
                hint="nothing was sent; ask again",
            )
    return None


def stopped_by_circuit(circuit: Circuit, now: datetime) -> Verdict:
    """The refusal of an open breaker."""
    return Verdict(
        Ruling.REFUSE,
        rule="breaker",
        reason=f"the circuit is open {circuit.since(now)}",
        hint='nothing was sent; /circuit close --reason "…" lets writes through again',
    )


def with_confirmation(plan: Plan, confirmation: Confirmation | None) -> Plan:
    """``plan`` as the person is asked about it."""
    return plan if plan.confirmation == confirmation else replace(plan, confirmation=confirmation)
