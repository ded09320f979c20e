"""Maintenance that comes back: when its windows are, and who makes their silences."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from console.configuration.maintenance import MaintenanceSettings
from services.policy.hours import span_at
from services.policy.model import Hours, Window

SUNDAY, DAILY = frozenset({6}), frozenset(range(7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "moment", "opens", "closes"),
    [
        # A Monday: the next Sunday.
        (Hours("UTC", (Window(SUNDAY, time(2), time(4)),)), "2026-03-02T12:00", "2026-03-08T02:00", "2026-03-08T04:00"),
        # Inside: the one that is open, since it opened.
        (Hours("UTC", (Window(SUNDAY, time(2), time(4)),)), "2026-03-08T03:59", "2026-03-08T02:00", "2026-03-08T04:00"),
        # At its end it is over.
        (Hours("UTC", (Window(SUNDAY, time(2), time(4)),)), "2026-03-08T04:00", "2026-03-15T02:00", "2026-03-15T04:00"),
        # Over midnight, by the clock of a zone.
        (
            Hours("Europe/Berlin", (Window(DAILY, time(23), time(1)),)),
            "2026-03-02T12:00",
            "2026-03-02T22:00",
            "2026-03-03T00:00",
        ),
        # Clocks go forward at 02:00 of 29 March: 02:30 is 03:00 there, 01:00 UTC.
        (
            Hours("Europe/Berlin", (Window(SUNDAY, time(2, 30), time(4)),)),
            "2026-03-28T12:00",
            "2026-03-29T01:00",
            "2026-03-29T02:00",
        ),
        # Two that touch are one.
        (
            Hours("UTC", (Window(SUNDAY, time(2), time(4)), Window(SUNDAY, time(4), time(5)))),
            "2026-03-08T03:00",
            "2026-03-08T02:00",
            "2026-03-08T05:00",
        ),
    ],
)
def test_the_window_that_is_open_or_opens_next(hours: Hours, moment: str, opens: str, closes: str) -> None:
    assert span_at(hours, at(moment)) == (at(opens), at(closes))


def test_no_window_is_none() -> None:
    assert span_at(Hours("UTC", ()), at("2026-03-02T12:00")) is None


def test_the_configuration_says_what_is_muted_and_when() -> None:
    read = MaintenanceSettings.model_validate(
        {
            "name": "weekly-db",
            "matchers": ["service=db", 'severity!="critical"'],
            "comment": "vacuum",
            "zone": "Europe/Berlin",
            "during": [{"days": ["sun"], "start": "02:00", "end": "04:00"}],
        }
    ).maintenance()
    assert read.window(at("2026-03-02T12:00")) == (at("2026-03-08T01:00"), at("2026-03-08T03:00"))
    assert [str(one.operator) for one in read.matchers] == ["=", "!="]
    assert read.marked(at("2026-03-08T01:00")).startswith("maintenance weekly-db 2026-03-08T01:00:00")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"matchers": ["service"]}, "service"),
        ({"matchers": ["service!=db"]}, "match alerts without any label"),
        ({"zone": "Mars"}, "Mars"),
        ({"during": []}, "during"),
        ({"comment": ""}, "comment"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, object], words: str) -> None:
    whole = {"name": "x", "matchers": ["service=db"], "comment": "y", "during": [{}]}
    with pytest.raises(ValueError, match=words):
        MaintenanceSettings.model_validate({**whole, **change})
