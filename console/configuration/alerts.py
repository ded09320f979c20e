"""``[sre.alerts]``: how long an ack may last."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from console.configuration.section import Seconds, Section


class AlertsSettings(Section):
    """What holds for the alerts of every cluster."""

    ack_max: Annotated[Seconds, Field(gt=0, le=31 * 86400)] = 8 * 3600.0
