"""The scale of severities."""

from __future__ import annotations

import pytest

from services.vocabulary.severity import Severity


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", Severity.CRITICAL),
        (" Critical\n", Severity.CRITICAL),
        ("page", Severity.CRITICAL),
        ("P1", Severity.CRITICAL),
        ("sev2", Severity.ERROR),
        ("error", Severity.ERROR),
        ("warning", Severity.WARNING),
        ("none", Severity.INFO),
        ("info", Severity.INFO),
        ("odd", Severity.OTHER),
        ("", Severity.OTHER),
        (None, Severity.OTHER),
    ],
)
def test_what_a_label_means(label: str | None, severity: Severity) -> None:
    assert Severity.of(label) is severity


@pytest.mark.parametrize("severity", Severity)
def test_every_step_means_itself(severity: Severity) -> None:
    assert Severity.of(severity.value) is severity


def test_the_worst_sorts_first() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == [
        Severity.CRITICAL,
        Severity.ERROR,
        Severity.WARNING,
        Severity.INFO,
        Severity.OTHER,
    ]


def test_steps_differ_without_colour() -> None:
    assert len({severity.glyph for severity in Severity}) == len(Severity)
    assert len({severity.word for severity in Severity}) == len(Severity)
    assert all(len(severity.glyph) == 1 and len(severity.word) <= 4 for severity in Severity)
