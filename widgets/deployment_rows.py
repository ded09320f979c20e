"""How a deployment looks in a list."""

from __future__ import annotations

from services.deployments.model import Deployment, RolloutState
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age
from widgets.record_table import Align, Cell, Column, Cut, Fit, Piece, RowFormat, Share
from widgets.top_bar import environment_style

COLUMNS = (
    Column("glyph", "", 1),
    Column("name", "deployment", Share(1.0, 8), cut=Cut.MIDDLE),
    Column("namespace", "namespace", Fit(4, 16), hide_below=74),
    Column("environment", "env", Fit(3, 12), hide_below=90),
    Column("revision", "rev", Fit(3, 6), align=Align.RIGHT),
    Column("ready", "ready", Fit(5, 9), align=Align.RIGHT),
    Column("state", "state", Fit(2, 18)),
    Column("age", "age", 5, align=Align.RIGHT),
)

_STYLES = {
    RolloutState.FAILED: "bold $severity-critical",
    RolloutState.DEGRADED: "bold $severity-error",
    RolloutState.ROLLING: "$severity-info",
    RolloutState.PAUSED: "$severity-warning",
    RolloutState.UNKNOWN: "$text-quiet",
    RolloutState.COMPLETE: "$text-quiet",
}


def state_word(deployment: Deployment) -> str:
    """What stands in the state column: the pods' trouble where there is one, else the rollout's state (raw)."""
    if deployment.trouble:
        return deployment.trouble
    return "ok" if deployment.state is RolloutState.COMPLETE else deployment.state.value


class DeploymentFormat(RowFormat[Deployment]):
    """Cells of a deployment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def key(self, row: Deployment) -> str:
        """Its identity."""
        return row.id

    def source(self, row: Deployment) -> str:
        """The context of its cluster."""
        return row.context

    def passing(self, row: Deployment) -> str:
        """The age of its last change."""
        return f"{self.cell(row, 'age')}"

    def cell(self, row: Deployment, column: str) -> Cell:
        """One cell."""
        style = "bold $severity-critical" if row.trouble else _STYLES[row.state]
        match column:
            case "glyph":
                return Piece(row.state.glyph, style)
            case "name":
                short = "" if row.kind == "Deployment" else f" {_KINDS.get(row.kind, row.kind)}"
                return (Piece(row.name, "bold" if row.state.rank <= 2 else ""), Piece(short, "$text-quiet"))
            case "namespace":
                return Piece(row.namespace, "$text-quiet")
            case "environment":
                return Piece(row.environment, environment_style(row.environment))
            case "revision":
                return Piece(f"r{row.revision}" if row.revision else "", "$text-quiet")
            case "ready":
                return Piece(f"{row.ready}/{row.desired}", style if row.ready < row.desired else "$text-quiet")
            case "state":
                return Piece(state_word(row), style)
            case "age":
                return format_age(self._clock.now() - row.changed_at) if row.changed_at else ""
        return ""


_KINDS = {"StatefulSet": "sts", "DaemonSet": "ds"}
