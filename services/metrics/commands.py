"""``/metrics`` and ``/slo``: every command of them."""

from __future__ import annotations

from typing import Any

from services.command import Command
from services.metrics.expression_commands import EXPRESSION_COMMANDS
from services.metrics.needs import MetricsNeeds
from services.metrics.objective_commands import OBJECTIVE_COMMANDS
from services.metrics.server_commands import SERVER_COMMANDS
from services.metrics.signal_commands import SIGNAL_COMMANDS

COMMANDS: tuple[Command[MetricsNeeds, Any], ...] = (
    *EXPRESSION_COMMANDS,
    *SERVER_COMMANDS,
    *SIGNAL_COMMANDS,
    *OBJECTIVE_COMMANDS,
)
