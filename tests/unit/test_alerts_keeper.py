"""What is kept in the store and who keeps it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.alerts.kept import KeptAck
from services.alerts.kept_repository import KeptRepository
from services.alerts.model import AlertDraft
from services.storage.leases import Leases
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, temporary_store

pytestmark = pytest.mark.usefixtures("engine")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def test_one_console_has_a_lease_until_it_ends_or_is_given_back(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        one, other = Leases(store, clock, "one"), Leases(store, clock, "other")
        assert await one.take("work", MINUTE)
        assert not await other.take("work", MINUTE)
        assert await one.take("work", MINUTE)
        assert await other.take("something else", MINUTE)
        await clock.advance(61)
        assert await other.take("work", MINUTE)
        assert not await one.take("work", MINUTE)
        await one.give_back("work")
        assert not await one.take("work", MINUTE)
        await other.give_back("work")
        assert await one.take("work", MINUTE)


async def test_a_lease_that_is_kept_is_not_written_each_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        one, other = Leases(store, clock, "one"), Leases(store, clock, "other")
        assert await one.take("work", MINUTE)
        await clock.advance(20)
        assert await one.take("work", MINUTE)  # until 60 s still
        await clock.advance(20)
        assert await one.take("work", MINUTE)  # until 100 s now
        await clock.advance(30)
        assert not await other.take("work", MINUTE)


async def test_what_was_made_and_acked_is_there_after_a_restart(tmp_path: Path) -> None:
    draft = AlertDraft({"alertname": "Mail", "who": "\u202e"}, {"summary": "x"}, EPOCH, EPOCH + HOUR)
    ack = KeptAck("eu", "id-1", "eu/3f2a", EPOCH, EPOCH + HOUR, "first", "first", COLLEAGUE)
    async with temporary_store(tmp_path) as store:
        kept = KeptRepository(store, store.clock)
        number = await kept.created("eu", "prod", draft, OPERATOR)
        await kept.hold(ack)
        await kept.prolonged(ack, "id-2", "second")
    async with temporary_store(tmp_path) as store:
        kept = KeptRepository(store, store.clock)
        (alert,) = await kept.alerts()
        assert (alert.number, alert.draft(), alert.actor, alert.environment) == (number, draft, OPERATOR, "prod")
        (found,) = await kept.acks()
        assert (found.silence, found.mark, found.mark_now, found.actor) == ("id-2", "first", "second", COLLEAGUE)
        await kept.ended(number)
        await kept.release("eu", "id-2")
        assert (await kept.alerts(), await kept.acks()) == ((), ())
