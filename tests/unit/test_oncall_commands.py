"""``/oncall who``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.command import Invocation, Offers, Result
from services.oncall.commands import COMMANDS, OncallNeeds, WhoArguments
from services.oncall.local import LocalSchedule
from services.oncall.rotation import Rotation
from services.safety.actor import Actor, Surface
from services.safety.plan import Plan
from services.vocabulary.errors import ConsoleError, NotFound
from services.vocabulary.moment import parse_moment, resolve
from tests.support.clock import EPOCH, ManualClock

START = datetime.fromisoformat("2026-02-23T08:00")
PRIMARY = Rotation("primary", ("op-a", "op-b"), START, "Europe/Berlin", "1w")
NEPAL = Rotation("nepal", ("op-c",), START, "Asia/Kathmandu", "1d")
LATER = Rotation("later", ("op-d",), datetime.fromisoformat("2026-04-01T00:00"), "UTC", "1d")
EMPTY = Rotation("empty", (), START, "UTC", "1d")


async def nobody_confirms(plan: Plan) -> bool:
    raise AssertionError(f"reading asked for a confirmation: {plan}")


async def who(*rotations: Rotation, **words: object) -> Result:
    (command,) = COMMANDS
    clock = ManualClock()
    assert command.run is not None
    return await command.run(
        OncallNeeds(LocalSchedule(rotations, clock), clock),
        WhoArguments.model_validate(words),
        Invocation(Actor("op-a", "someone", "host", Surface.EXEC), nobody_confirms),
    )


async def test_now_until_and_next_in_utc_and_in_the_zone() -> None:
    result = await who(PRIMARY, NEPAL)
    assert result.ok
    assert result.message == "on call now: op-b (primary), op-c (nepal)"
    assert result.table is not None
    assert [column.title for column in result.table.columns] == [
        "rotation",
        "who",
        "until (UTC)",
        "until (local)",
        "in",
        "next",
    ]
    assert result.table.rows == (
        ("primary", "op-b", "Mon 2026-03-09 07:00", "Mon 2026-03-09 08:00 CET", "6d", "op-a"),
        ("nepal", "op-c", "Tue 2026-03-03 02:15", "Tue 2026-03-03 08:00 +0545", "6h43m", "op-c"),
    )
    assert result.data[0] == {
        "rotation": "primary",
        "member": "op-b",
        "since": "2026-03-02T07:00:00+00:00",
        "until": "2026-03-09T07:00:00+00:00",
        "seconds_left": 559733,
        "next_member": "op-a",
        "next_at": "2026-03-09T07:00:00+00:00",
        "zone": "Europe/Berlin",
        "note": "",
        "at": "2026-03-02T19:31:07+00:00",
    }


async def test_a_gap_is_the_first_thing_said() -> None:
    result = await who(PRIMARY, LATER, EMPTY)
    assert result.message == "NOBODY is on call now for later, empty"
    assert result.table is not None
    assert result.table.rows[1:] == (
        ("later", "nobody", "Wed 2026-04-01 00:00", "Wed 2026-04-01 00:00 UTC", "29d", "op-d"),
        ("empty", "nobody", "no end", "no end", "", "nobody"),
    )
    assert (result.data[2]["member"], result.data[2]["until"], result.data[2]["seconds_left"]) == (None, None, None)
    assert result.lines == ("empty: the rotation has no members",)


async def test_one_rotation_at_another_time() -> None:
    result = await who(PRIMARY, NEPAL, rotation="primary", at="2026-03-09T08:00+01:00")
    assert result.message == "on call at Mon 2026-03-09 07:00 UTC: op-a (primary)"
    assert [row["rotation"] for row in result.data] == ["primary"]


async def test_a_lost_turn_is_explained() -> None:
    hourly = Rotation("hourly", ("op-a", "op-b"), datetime.fromisoformat("2026-03-29T01:00"), "Europe/Berlin", "1h")
    result = await who(hourly, at="2026-03-29T01:00")
    assert result.lines == ("hourly: the turn of op-b at 2026-03-29 02:00 is lost to a clock change",)


async def test_an_unknown_rotation_suggests() -> None:
    with pytest.raises(NotFound, match=r"no rotation 'primry' \(did you mean primary\?\)"):
        await who(PRIMARY, NEPAL, rotation="primry")
    with pytest.raises(NotFound, match=r"there are primary, nepal"):
        await who(PRIMARY, NEPAL, rotation="zzz")
    with pytest.raises(NotFound, match="no rotation is configured"):
        await who(rotation="primary")


async def test_without_rotations_it_says_what_to_write() -> None:
    result = await who()
    assert "no rotation is configured" in result.message
    assert result.data == []


async def test_a_wrong_time_is_refused_at_its_word() -> None:
    with pytest.raises(ValidationError) as caught:
        await who(PRIMARY, at="tomorrow")
    (error,) = caught.value.errors()
    assert error["loc"] == ("at",)
    assert "'tomorrow' is not a time" in error["msg"]


async def test_too_far_ahead_is_refused() -> None:
    with pytest.raises(ConsoleError, match="--at: that is outside the years 1970 to 2999"):
        await who(PRIMARY, at="+999y")
    with pytest.raises(ConsoleError, match="--at: that is outside the years 1970 to 2999"):
        await who(PRIMARY, at="+9999y")


def test_rotations_complete() -> None:
    (command,) = COMMANDS
    needs = OncallNeeds(LocalSchedule([PRIMARY, NEPAL], ManualClock()), ManualClock())
    offered = command.complete["rotation"](needs)
    assert not isinstance(offered, Offers)
    assert [candidate.value for candidate in offered] == ["primary", "nepal"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24", datetime(2026, 12, 24, tzinfo=UTC)),
        ("2026-12-24T09:00", datetime(2026, 12, 24, 9, tzinfo=UTC)),
        ("2026-12-24 09:00:30", datetime(2026, 12, 24, 9, 0, 30, tzinfo=UTC)),
        ("2026-12-24T09:00Z", datetime(2026, 12, 24, 9, tzinfo=UTC)),
        ("2026-12-24T09:00-05:00", datetime(2026, 12, 24, 14, tzinfo=UTC)),
        ("+12h", timedelta(hours=12)),
    ],
)
def test_moments(text: str, expected: object) -> None:
    assert parse_moment(text) == expected


@pytest.mark.parametrize("text", ["", "+", "+soon", "noon", "2026-13-01", "1969-12-31", "9999-12-31", "12h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a|outside the years|is missing"):
        parse_moment(text)


def test_from_now() -> None:
    assert resolve(None, EPOCH) == EPOCH
    assert resolve(timedelta(hours=1), EPOCH) == EPOCH + timedelta(hours=1)
    assert resolve(datetime(2026, 1, 1, tzinfo=UTC), EPOCH) == datetime(2026, 1, 1, tzinfo=UTC)
