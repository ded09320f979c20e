"""Alerts that must always fire: when they are missed, and when not."""

from __future__ import annotations

from datetime import timedelta

from services.alerts.heartbeat import GRACE, Heartbeats, Missing, absent
from services.alerts.model import Alert
from tests.support.clock import EPOCH
from tests.support.desk import make_alert

SECOND = timedelta(seconds=1)


def watchdog(cluster: str = "prod") -> Alert:
    return make_alert("Watchdog", "none", EPOCH, cluster=cluster)


def test_a_name_is_absent_where_no_alert_bears_it() -> None:
    assert absent([watchdog()], ["Watchdog", "Other"]) == ("Other",)
    assert absent([], ["Watchdog"]) == ("Watchdog",)
    assert absent([], []) == ()


def test_it_is_missed_after_the_grace_and_told_since_when_it_was_seen() -> None:
    beats = Heartbeats({"prod": ["Watchdog"]})
    beats.look("prod", (watchdog(),), EPOCH)
    assert beats.missing(EPOCH) == ()
    gone = EPOCH + 30 * SECOND
    beats.look("prod", (), gone)
    assert beats.missing(gone + GRACE - SECOND) == ()
    assert beats.missing(gone + GRACE) == (Missing("prod", "Watchdog", EPOCH, seen=True),)
    beats.look("prod", (watchdog(),), gone + GRACE)
    assert beats.missing(gone + 9 * GRACE) == ()


def test_one_that_was_never_there_is_missed_too() -> None:
    beats = Heartbeats({"prod": ["Watchdog"]})
    beats.look("prod", (), EPOCH)
    assert beats.missing(EPOCH + GRACE) == (Missing("prod", "Watchdog", EPOCH, seen=False),)


def test_a_blind_cluster_misses_nothing_and_the_grace_begins_anew() -> None:
    beats = Heartbeats({"prod": ["Watchdog"]})
    beats.look("prod", (), EPOCH)
    beats.blind("prod")
    assert beats.missing(EPOCH + 9 * GRACE) == ()
    beats.look("prod", (), EPOCH + 9 * GRACE)
    assert beats.missing(EPOCH + 9 * GRACE + SECOND) == ()
    assert beats.missing(EPOCH + 10 * GRACE) != ()


def test_the_same_answer_is_counted_once_and_still_is_a_sign_of_life() -> None:
    beats = Heartbeats({"prod": ["Watchdog"]})
    answer = (watchdog(),)
    beats.look("prod", answer, EPOCH)
    beats.look("prod", answer, EPOCH + GRACE)
    beats.look("prod", (), EPOCH + 2 * GRACE)
    (missing,) = beats.missing(EPOCH + 3 * GRACE)
    assert missing.since == EPOCH + GRACE


def test_clusters_are_told_apart() -> None:
    beats = Heartbeats({"one": ["Watchdog"], "two": ["Watchdog"], "three": []})
    beats.look("one", (watchdog("one"),), EPOCH)
    beats.look("two", (), EPOCH)
    beats.look("three", (), EPOCH)
    assert [one.cluster for one in beats.missing(EPOCH + GRACE)] == ["two"]
