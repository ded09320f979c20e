"""Plots over time. plotext is imported when the first one is drawn, in a thread."""

from __future__ import annotations

from services.vocabulary.plot import Line, Mark, Plot
from services.vocabulary.sparkline import sparkline
from widgets.plot.widget import TimePlot

__all__ = ["Line", "Mark", "Plot", "TimePlot", "sparkline"]
