"""A metric family of the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.demo.series import Series


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: what ``/metadata`` tells of it, and its series in a window of time."""

    name: str
    type: str
    help: str
    series: Callable[[float, float], Iterator[Series]]
