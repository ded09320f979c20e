"""A series in one row of cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """``values`` as bars in exactly ``width`` cells, the last one rightmost.

    Each cell shows the highest of the values that fall into it; what is not finite leaves a blank. A flat series is
    the lowest bar.
    """
    if width <= 0:
        return ""
    count = len(values)
    if count > width:
        buckets = [values[index * count // width : (index + 1) * count // width] for index in range(width)]
    else:
        buckets = [[value] for value in values]
    highest = [max((value for value in bucket if math.isfinite(value)), default=math.nan) for bucket in buckets]
    finite = [value for value in highest if not math.isnan(value)]
    if not finite:
        return " " * width
    low, high = min(finite), max(finite)
    span = high / 2 - low / 2
    bars = "".join(
        " " if math.isnan(value) else _BARS[round((value / 2 - low / 2) / span * 7) if span else 0] for value in highest
    )
    return bars.rjust(width)
