"""Puts an end on record and tells the witnesses of it, all in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.safety.applying import Ending
from services.safety.circuit import Circuit
from services.safety.gate import Asked, Witness
from services.storage.engine import Store

_log = logging.getLogger(__name__)


class _Failed(Exception):
    """A witness failed: nothing of the transaction is to be kept."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self.witness = witness


async def put_on_record(
    store: Store,
    record: Callable[[AsyncConnection], Awaitable[Sequence[Circuit]]],
    witnesses: Sequence[Witness],
    asked: Asked,
    ending: Ending,
) -> None:
    """Write one end down, and what follows from it.

    The end is worth more than what follows: where a witness fails, the whole is written anew without it. That is
    cheaper than a savepoint for each of them at each write.

    Args:
        store: where to.
        record: writes the end down and answers with the breakers that moved by it; may be called again.
        witnesses: who is told.
        asked: the write.
        ending: how it ended.

    Raises:
        StoreError: the end could not be kept.
    """
    left = list(witnesses)
    while True:
        try:
            async with store.write() as connection:
                moved = await record(connection)
                for witness in left:
                    await _tell(witness, asked, ending, connection, moved)
        except _Failed as failed:
            left.remove(failed.witness)
        else:
            return


async def _tell(
    witness: Witness, asked: Asked, ending: Ending, connection: AsyncConnection, moved: Sequence[Circuit]
) -> None:
    try:
        await witness.witness(asked, ending.outcome, connection, failed=ending.counts, moved=moved)
    except Exception as error:
        _log.exception("what follows from %s could not be written down", asked.plan.action)
        raise _Failed(witness) from error
