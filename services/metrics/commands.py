"""``/metrics``: every command of it."""

from __future__ import annotations

from typing import Any

from services.command import Command
from services.metrics.expression_commands import EXPRESSION_COMMANDS
from services.metrics.needs import MetricsNeeds
from services.metrics.server_commands import SERVER_COMMANDS

COMMANDS: tuple[Command[MetricsNeeds, Any], ...] = (*EXPRESSION_COMMANDS, *SERVER_COMMANDS)
