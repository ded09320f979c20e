"""``[sre.alerts]``: how long an ack may last, and how long is kept what happened to alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from console.configuration.section import Seconds, Section


class AlertsSettings(Section):
    """What holds for the alerts of every cluster."""

    ack_max: Annotated[Seconds, Field(gt=0, le=31 * 86400)] = 8 * 3600.0
    history: Annotated[Seconds, Field(gt=0, le=5 * 366 * 86400)] = 90 * 86400.0
