"""Reads what the store feeds as soon as anybody, on any console, has written to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.feed import Poller
from services.storage.store import Store
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError

_RETRY = 1.0


async def follow_store(store: Store, pollers: Sequence[Poller[Any]], clock: Clock) -> None:
    """Let ``pollers`` read after every change of ``store``, when it is lost, and when it is back; until cancelled.

    Args:
        store: says when somebody wrote.
        pollers: each reads the store and says itself what is wrong with it.
        clock: waits between two attempts at a store that cannot be read.
    """
    seen, lost = -1, False
    while True:
        try:
            seen = await store.wait(seen)
        except ConsoleError:
            if not lost:
                _read_again(pollers)
            lost, seen = True, -1
            await clock.sleep(_RETRY)
            continue
        lost = False
        _read_again(pollers)


def _read_again(pollers: Sequence[Poller[Any]]) -> None:
    for poller in pollers:
        poller.refresh()
