"""Starting a new store where the old one is lost, or going on with an older copy: on purpose, and never closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.safety.breaker_rows import read_circuits, write_circuit
from services.safety.circuit import GLOBAL, Circuit, CircuitState
from services.safety.last_known import LastKnown, LastKnownError, Opened, moment
from services.storage.chain import storable
from services.storage.store import Store
from services.vocabulary.errors import StoreGone

COMMAND = "sre-console store init"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What was done.

    Attributes:
        changed: whether anything was: a store that is the one last known stays as it is.
        circuits: every breaker as it is now.
        carried: those that stay open because somebody had opened them, or because nobody knows.
    """

    changed: bool
    circuits: tuple[Circuit, ...]
    carried: tuple[Circuit, ...] = ()


async def renew(store: Store, last_known: LastKnown, actor: Actor, reason: str, *, made: bool) -> Renewal:
    """Make ``store`` the one that every console of this machine goes on with.

    Its breakers are toggled at least as often as was last known, so that consoles that knew the lost store take this
    one for its successor. What a person had opened stays open; where that cannot be told, the circuit is opened.

    Args:
        store: open, and not checked against what was last known.
        last_known: what is known of the lost one.
        actor: who starts it.
        reason: why; not blank.
        made: whether it was made just now.

    Raises:
        StoreError: it cannot be read or written; nothing changed.
    """
    now = store.clock.now()
    try:
        known, opened, readable = last_known.revisions(), last_known.opened(), True
    except LastKnownError:
        known, opened, readable = {}, (), False
    async with store.write() as connection:
        circuits = {one.scope: one for one in await read_circuits(connection)}
        if not made and readable and not _older(last_known, tuple(circuits.values()), store.name):
            await last_known.remember(circuits.values(), now)
            return Renewal(False, tuple(circuits.values()))
        left = {one.scope: one for one in opened if one.manual}
        if made and not readable:
            left[GLOBAL] = Opened(GLOBAL, "", "", "")
        carried = []
        for scope in dict.fromkeys((*circuits, *known, *left)):
            before = circuits.get(scope, Circuit(scope=scope))
            after = replace(before, revision=max(before.revision, known.get(scope, 0)) + 1)
            if scope in left and not (before.is_open and before.manual):
                after = _carried(after, left[scope], now)
                carried.append(after)
            await write_circuit(connection, after)
            circuits[scope] = after
        words = "made anew" if made else "taken although it is older than what was last known"
        kept = "; ".join(f"{one.name} stays open: {one.reason}" for one in carried)
        record = AuditRecord(
            actor=actor,
            command=COMMAND,
            action="store.init",
            decision=Decision.ALLOWED,
            rule="always allowed",
            outcome="done",
            message=f"the store was {words}: {reason}" + (f"; {kept}" if kept else ""),
        )
        await Audit(store).append(connection, record)
    await last_known.remember(circuits.values(), now)
    return Renewal(True, tuple(circuits.values()), tuple(carried))


def _older(last_known: LastKnown, circuits: Sequence[Circuit], name: str) -> bool:
    try:
        last_known.check(circuits, name)
    except StoreGone:
        return True
    return False


def _carried(circuit: Circuit, left: Opened, now: datetime) -> Circuit:
    if left.changed_at:
        reason = f"opened in the lost store at {moment(left.changed_at)}" + (f": {left.reason}" if left.reason else "")
    else:
        reason = "the store was lost, and nobody can tell whether somebody had opened it"
    return replace(
        circuit,
        state=CircuitState.OPEN,
        changed_by=storable(left.changed_by),
        changed_at=now,
        reason=storable(reason),
        manual=True,
        retry_at=None,
        probe=None,
    )
