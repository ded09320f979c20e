"""Sees to it that a write is taken back once, however many consoles want to at the same time."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.gate import ALLOWED, Asked, Ruling, Verdict
from services.undo.model import hindering
from services.undo.repository import reversals_of


class UndoGate:
    """Asked with every write; has a word where it takes another one back."""

    name = "undo"

    async def consider(self, asked: Asked, connection: AsyncConnection, *, final: bool) -> Verdict:
        """Refuse what was taken back already, or is just being taken back."""
        del final
        number = asked.plan.undoes
        if number is None:
            return ALLOWED
        reason = hindering((await reversals_of(connection, (number,))).get(number, ()))
        if not reason:
            return Verdict(Ruling.ALLOW, rule=f"takes back write {number}")
        return Verdict(
            Ruling.REFUSE,
            rule="undo",
            reason=f"write {number}: {reason}",
            hint="nothing was sent; /undo lists the rest",
        )

    async def consider_alone(self, asked: Asked) -> Verdict:
        """Judge one write where the store is lost: what was taken back already, nobody knows then."""
        if asked.plan.undoes is None:
            return ALLOWED
        return Verdict(Ruling.REFUSE, rule="undo", reason="whether it was taken back already, only the store knows")
