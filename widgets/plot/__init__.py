"""Plots over time. plotext is imported when the first one is drawn, in a thread."""

from __future__ import annotations

from widgets.plot.sparkline import sparkline
from widgets.plot.spec import Line, Mark, Plot
from widgets.plot.widget import TimePlot

__all__ = ["Line", "Mark", "Plot", "TimePlot", "sparkline"]
