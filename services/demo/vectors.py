"""Columns of values and the operations on them that PromQL knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isnan, nan

from services.demo.promql import Binary
from services.demo.promql_tokens import QueryError
from services.demo.series import Values

Labels = dict[str, str]


@dataclass(slots=True)
class Scalar:
    """One value a moment, without labels."""

    values: list[float]


@dataclass(slots=True)
class Vector:
    """Labelled columns: one value or None a moment."""

    columns: list[tuple[Labels, Values]]


def _divide(a: float, b: float) -> float:
    if b == 0:
        return nan if a == 0 or isnan(a) else (inf if a > 0 else -inf)
    return a / b


def _power(a: float, b: float) -> float:
    try:
        result = a**b
    except OverflowError:
        return inf
    except ZeroDivisionError:
        return inf
    return nan if isinstance(result, complex) else float(result)


def _modulo(a: float, b: float) -> float:
    return nan if b == 0 else a - b * float(int(a / b))


Operation = Callable[[float, float], float]


OPERATIONS: dict[str, Operation] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": _modulo,
    "^": _power,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    ">": lambda a, b: float(a > b),
    "<": lambda a, b: float(a < b),
    ">=": lambda a, b: float(a >= b),
    "<=": lambda a, b: float(a <= b),
}


FOLDS: dict[str, Callable[[list[float]], float]] = {
    "avg_over_time": lambda values: sum(values) / len(values),
    "max_over_time": max,
    "min_over_time": min,
    "sum_over_time": sum,
    "count_over_time": lambda values: float(len(values)),
    "last_over_time": lambda values: values[0],
}


AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "max": max,
    "min": min,
    "count": lambda values: float(len(values)),
    "group": lambda _values: 1.0,
}


CHANGES: dict[str, Operation] = {
    "abs": lambda value, _bound: abs(value),
    "ceil": lambda value, _bound: float(ceil(value)),
    "floor": lambda value, _bound: float(floor(value)),
    "round": lambda value, bound: floor(value / bound + 0.5) * bound,
    "clamp_min": max,
    "clamp_max": min,
}


def present(columns: Iterable[tuple[Labels, Values]]) -> list[tuple[Labels, Values]]:
    """The columns that have any value."""
    return [column for column in columns if any(value is not None for value in column[1])]


def nameless(labels: Labels) -> Labels:
    """The labels without the name of the metric."""
    return {name: value for name, value in labels.items() if name != "__name__"}


def group_key(labels: Labels, names: Sequence[str], *, keep: bool) -> tuple[tuple[str, str], ...]:
    """The labels that identify a group: those named (``keep``), or all but those and the name."""
    return tuple(
        sorted(item for item in labels.items() if (item[0] in names) == keep and (keep or item[0] != "__name__"))
    )


def merge(fold: Callable[[list[float]], float], columns: list[Values]) -> Values:
    """Fold the values of several columns at each moment."""
    out: Values = []
    for row in zip(*columns, strict=True):
        found = [value for value in row if value is not None]
        out.append(fold(found) if found else None)
    return out


def top(columns: list[tuple[Labels, Values]], limits: Sequence[float], largest: bool) -> list[tuple[Labels, Values]]:
    """The largest or smallest values at each moment."""
    kept: list[Values] = [[None] * len(limits) for _ in columns]
    for index, limit in enumerate(limits):
        row = [(values[index], number) for number, (_, values) in enumerate(columns)]
        present = [(value, number) for value, number in row if value is not None]
        present.sort(key=lambda item: item[0], reverse=largest)
        for value, number in present[: max(0, int(limit))]:
            kept[number][index] = value
    return [(labels, values) for (labels, _), values in zip(columns, kept, strict=True)]


def bucket_quantile(quantile: float, bounds: Sequence[float], row: Sequence[float | None]) -> float | None:
    """Linear within the bucket that holds the rank, as Prometheus documents for ``histogram_quantile``."""
    counts = [value or 0.0 for value in row]
    if all(value is None for value in row):
        return None
    if len(counts) < 2 or bounds[-1] != inf or counts[-1] <= 0:
        return nan
    if quantile < 0 or quantile > 1:
        return -inf if quantile < 0 else inf
    rank = quantile * counts[-1]
    index = next((number for number, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if index == len(counts) - 1:
        return bounds[-2]
    start = bounds[index - 1] if index else 0.0
    below = counts[index - 1] if index else 0.0
    inside = counts[index] - below
    if inside <= 0:
        return bounds[index]
    return start + (bounds[index] - start) * (rank - below) / inside


def each(vector: Vector, others: list[float], operate: Operation, filters: bool, *, swapped: bool) -> Vector:
    """A vector with a scalar."""
    columns: list[tuple[Labels, Values]] = []
    for labels, values in vector.columns:
        out: Values = []
        for value, other in zip(values, others, strict=True):
            if value is None:
                out.append(None)
                continue
            result = operate(other, value) if swapped else operate(value, other)
            out.append((value if result else None) if filters else result)
        columns.append((labels if filters else nameless(labels), out))
    return Vector(present(columns))


def pair(node: Binary, left: Vector, right: Vector, operate: Operation, filters: bool) -> Vector:
    """Two vectors, matched one to one."""
    partners: dict[tuple[tuple[str, str], ...], Values] = {}
    for labels, values in right.columns:
        key = group_key(labels, node.labels, keep=node.on)
        partners[key] = _join(partners.get(key), values, "right", key)
    columns: dict[tuple[tuple[str, str], ...], tuple[Labels, Values]] = {}
    for labels, values in left.columns:
        key = group_key(labels, node.labels, keep=node.on)
        partner = partners.get(key)
        if partner is None:
            continue
        out: Values = []
        for a, b in zip(values, partner, strict=True):
            result = None if a is None or b is None else operate(a, b)
            out.append(a if filters and result else (None if filters else result))
        earlier = columns.get(key)
        kept = labels if filters else dict(key)
        columns[key] = (kept, _join(earlier[1] if earlier else None, out, "left", key))
    return Vector(present(columns.values()))


def _join(first: Values | None, second: Values, side: str, key: tuple[tuple[str, str], ...]) -> Values:
    if first is None:
        return second
    if any(a is not None and b is not None for a, b in zip(first, second, strict=True)):
        text = ", ".join(f'{name}="{value}"' for name, value in key)
        raise QueryError(
            f"found duplicate series for the match group {{{text}}} on the {side} hand-side of the operation; "
            "many-to-many matching not allowed: matching labels must be unique on one side",
            "execution",
        )
    return [a if a is not None else b for a, b in zip(first, second, strict=True)]


def set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    """``and``, ``or``, ``unless``."""

    def marked(vector: Vector) -> dict[tuple[tuple[str, str], ...], list[bool]]:
        found: dict[tuple[tuple[str, str], ...], list[bool]] = {}
        for labels, values in vector.columns:
            key = group_key(labels, node.labels, keep=node.on)
            marks = found.setdefault(key, [False] * len(values))
            for index, value in enumerate(values):
                marks[index] = marks[index] or value is not None
        return found

    def kept(vector: Vector, others: dict[tuple[tuple[str, str], ...], list[bool]], wanted: bool) -> Vector:
        columns: list[tuple[Labels, Values]] = []
        for labels, values in vector.columns:
            marks = others.get(group_key(labels, node.labels, keep=node.on), [False] * len(values))
            columns.append(
                (labels, [value if mark == wanted else None for value, mark in zip(values, marks, strict=True)])
            )
        return Vector(present(columns))

    if node.operator == "and":
        return kept(left, marked(right), True)
    if node.operator == "unless":
        return kept(left, marked(right), False)
    return Vector(left.columns + kept(right, marked(left), False).columns)
