"""What a row tells as changing with time alone is all of it that does; the rest is left alone while nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.view import MUTED_KEY, arrange
from services.oncall.model import Duty
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_deployment, make_incident
from widgets import alert_rows, deployment_rows, duty_rows, incident_rows
from widgets.record_table import Column, RowFormat

ALERTS = [
    make_alert("Slow", "warning", EPOCH - timedelta(seconds=30)),
    make_alert("Mine", "critical", EPOCH - timedelta(minutes=50), acked_by="op-b"),
    make_alert("Quiet", "info", EPOCH - timedelta(hours=30), silenced_by="op-b"),
]
DUTY = Duty("primary", "Europe/Berlin", "op-a", EPOCH, EPOCH + timedelta(hours=9), "op-b", EPOCH + timedelta(hours=9))
CLOCK = ManualClock()
TABLES: dict[str, tuple[RowFormat[Any], tuple[Column, ...], Sequence[Any]]] = {
    "alerts": (
        alert_rows.AlertFormat(CLOCK),
        alert_rows.COLUMNS,
        arrange(ALERTS, expanded=frozenset({MUTED_KEY})).rows,
    ),
    "incidents": (
        incident_rows.IncidentFormat(CLOCK),
        incident_rows.COLUMNS,
        [make_incident(1, "Checkout errors", EPOCH)],
    ),
    "deployments": (
        deployment_rows.DeploymentFormat(CLOCK),
        deployment_rows.COLUMNS,
        [make_deployment("cart", changed_at=EPOCH)],
    ),
    "duties": (duty_rows.DutyFormat(CLOCK), duty_rows.COLUMNS, [DUTY]),
}


@pytest.mark.parametrize("name", TABLES)
@given(seconds=st.integers(0, 3 * 86_400))
def test_what_changes_with_time_is_told(name: str, seconds: int) -> None:
    format, columns, rows = TABLES[name]
    CLOCK.jump(EPOCH - CLOCK.now())
    before = [([format.cell(row, one.id) for one in columns], format.passing(row)) for row in rows]
    CLOCK.jump(timedelta(seconds=seconds))
    now = [([format.cell(row, one.id) for one in columns], format.passing(row)) for row in rows]
    for (cells, told), (cells_now, told_now) in zip(before, now, strict=True):
        assert (cells == cells_now) == (told == told_now)
