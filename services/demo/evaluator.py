"""Evaluates a parsed query for many moments at once, over whatever series a source gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isnan, nan
from typing import Protocol

import re2

from services.demo.promql import (
    COMPARISONS,
    RANGE_FUNCTIONS,
    Aggregation,
    Binary,
    Call,
    LabelMatcher,
    Node,
    Number,
    QueryError,
    Selector,
)
from services.demo.series import Sampler, Series, Values

Labels = dict[str, str]


@dataclass(slots=True)
class Scalar:
    """One value a moment, without labels."""

    values: list[float]


@dataclass(slots=True)
class Vector:
    """Labelled columns: one value or None a moment."""

    columns: list[tuple[Labels, Values]]


class SeriesSource(Protocol):
    """Where series come from."""

    def select(self, matchers: Sequence[LabelMatcher], since: float, until: float) -> Iterable[Series]:
        """The series that match all matchers and have samples within ``[since, until]``."""
        ...


def matches(matcher: LabelMatcher, labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy a matcher; a missing label equals the empty string. Regexes are RE2 and anchored."""
    value = labels.get(matcher.name, "")
    if matcher.operator == "=":
        return value == matcher.value
    if matcher.operator == "!=":
        return value != matcher.value
    try:
        found = re2.fullmatch(matcher.value, value) is not None
    except re2.error as error:
        raise QueryError(f'invalid parameter "query": error parsing regexp: {error}') from None
    return found == (matcher.operator == "=~")


class Evaluator:
    """Evaluates queries on one grid.

    Args:
        source: gives the series.
        times: the moments, ascending, in seconds after the epoch.
        epoch: Unix time of the epoch, for ``time()``.
    """

    def __init__(self, source: SeriesSource, times: Sequence[float], epoch: float) -> None:
        self._source = source
        self._times = times
        self._epoch = epoch
        self._sampler = Sampler()

    def evaluate(self, node: Node) -> Scalar | Vector:
        """The result at each moment.

        Raises:
            QueryError: types that do not fit, ambiguous matches.
        """
        if isinstance(node, Number):
            return Scalar([node.value] * len(self._times))
        if isinstance(node, Selector):
            return self._select(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Aggregation):
            return self._aggregate(node)
        return self._binary(node)

    def _series(self, selector: Selector) -> list[Series]:
        window = selector.window or 0.0
        since = self._times[0] - selector.offset - window
        return list(self._source.select(selector.matchers, since, self._times[-1] - selector.offset))

    def _select(self, selector: Selector) -> Vector:
        if selector.window is not None:
            raise QueryError("a range vector needs a function around it")
        return Vector(
            _present(
                ({"__name__": series.name, **series.labels}, self._sampler.at(series, self._times, selector.offset))
                for series in self._series(selector)
            )
        )

    def _call(self, call: Call) -> Scalar | Vector:
        if call.function in RANGE_FUNCTIONS:
            return self._over_range(call)
        if call.function == "time":
            return Scalar([time + self._epoch for time in self._times])
        if call.function == "vector":
            return Vector([({}, list(self._scalar(call.arguments[0])))])
        if call.function == "histogram_quantile":
            return self._quantile(self._scalar(call.arguments[0]), self._vector(call.arguments[1]))
        vector = self._vector(call.arguments[0])
        if call.function == "scalar":
            only = vector.columns[0][1] if len(vector.columns) == 1 else [None] * len(self._times)
            return Scalar([nan if value is None else value for value in only])
        if call.function == "absent":
            gone: Values = [
                1.0 if all(values[index] is None for _, values in vector.columns) else None
                for index in range(len(self._times))
            ]
            return Vector(_present([({}, gone)]))
        if call.function in ("sort", "sort_desc"):
            columns = sorted(
                vector.columns, key=lambda column: column[1][-1] or 0.0, reverse=call.function == "sort_desc"
            )
            return Vector(columns)
        bound = self._scalar(call.arguments[1]) if len(call.arguments) > 1 else [1.0] * len(self._times)
        change = _CHANGES[call.function]
        return Vector(
            [
                (_nameless(labels), [None if v is None else change(v, b) for v, b in zip(values, bound, strict=True)])
                for labels, values in vector.columns
            ]
        )

    def _over_range(self, call: Call) -> Vector:
        selector = call.arguments[0]
        assert isinstance(selector, Selector)  # noqa: S101 - the parser has checked it
        window = selector.window or 0.0
        columns: list[tuple[Labels, Values]] = []
        for series in self._series(selector):
            if call.function in ("rate", "irate", "increase", "delta"):
                # The counters are formulas without resets, so even the instant rate is the plain difference.
                grown = self._sampler.increase(series, self._times, window, selector.offset)
                by = 1.0 if call.function in ("increase", "delta") else window
                values: Values = [None if value is None else value / by for value in grown]
            else:
                fold = _FOLDS[call.function]
                samples = self._sampler.window(series, self._times, window, selector.offset)
                values = [fold(found) if found else None for found in samples]
            columns.append((dict(series.labels), values))
        return Vector(_present(columns))

    def _aggregate(self, node: Aggregation) -> Vector:
        vector = self._vector(node.argument)
        groups: dict[tuple[tuple[str, str], ...], list[tuple[Labels, Values]]] = {}
        for labels, values in vector.columns:
            groups.setdefault(_group(labels, node.labels, keep=not node.without), []).append((labels, values))
        if node.parameter is not None:
            limits = self._scalar(node.parameter)
            kept = [_top(columns, limits, node.operator == "topk") for columns in groups.values()]
            return Vector(_present(column for columns in kept for column in columns))
        fold = _AGGREGATES[node.operator]
        return Vector([(dict(key), _merge(fold, [values for _, values in columns])) for key, columns in groups.items()])

    def _quantile(self, quantiles: Sequence[float], vector: Vector) -> Vector:
        groups: dict[tuple[tuple[str, str], ...], list[tuple[float, Values]]] = {}
        for labels, values in vector.columns:
            try:
                bound = float(labels.get("le", ""))
            except ValueError:
                continue
            groups.setdefault(_group(labels, ("le",), keep=False), []).append((bound, values))
        columns: list[tuple[Labels, Values]] = []
        for key, buckets in groups.items():
            buckets.sort(key=lambda bucket: bucket[0])
            bounds = [bound for bound, _ in buckets]
            rows = zip(*(values for _, values in buckets), strict=True)
            columns.append((dict(key), [_quantile(q, bounds, row) for q, row in zip(quantiles, rows, strict=True)]))
        return Vector(_present(columns))

    def _binary(self, node: Binary) -> Scalar | Vector:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if node.operator in ("and", "or", "unless"):
            if isinstance(left, Scalar) or isinstance(right, Scalar):
                raise QueryError(f"set operator {node.operator!r} not allowed in binary scalar expression")
            return _set_operation(node, left, right)
        operate = _OPERATIONS[node.operator]
        compares = node.operator in COMPARISONS
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            if compares and not node.as_bool:
                raise QueryError("comparisons between scalars must use BOOL modifier")
            return Scalar([operate(a, b) for a, b in zip(left.values, right.values, strict=True)])
        filters = compares and not node.as_bool
        if isinstance(left, Vector) and isinstance(right, Scalar):
            return _each(left, right.values, operate, filters, swapped=False)
        if isinstance(left, Scalar) and isinstance(right, Vector):
            return _each(right, left.values, operate, filters, swapped=True)
        assert isinstance(left, Vector)  # noqa: S101 - the other cases are above
        assert isinstance(right, Vector)  # noqa: S101 - the other cases are above
        return _pair(node, left, right, operate, filters)

    def _vector(self, node: Node) -> Vector:
        result = self.evaluate(node)
        if isinstance(result, Scalar):
            raise QueryError("expected type instant vector, got scalar")
        return result

    def _scalar(self, node: Node) -> list[float]:
        result = self.evaluate(node)
        if isinstance(result, Vector):
            raise QueryError("expected type scalar, got instant vector")
        return result.values


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


_Operation = Callable[[float, float], float]
_OPERATIONS: dict[str, _Operation] = {
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
_FOLDS: dict[str, Callable[[list[float]], float]] = {
    "avg_over_time": lambda values: sum(values) / len(values),
    "max_over_time": max,
    "min_over_time": min,
    "sum_over_time": sum,
    "count_over_time": lambda values: float(len(values)),
    "last_over_time": lambda values: values[0],
}
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "max": max,
    "min": min,
    "count": lambda values: float(len(values)),
    "group": lambda _values: 1.0,
}
_CHANGES: dict[str, _Operation] = {
    "abs": lambda value, _bound: abs(value),
    "ceil": lambda value, _bound: float(ceil(value)),
    "floor": lambda value, _bound: float(floor(value)),
    "round": lambda value, bound: floor(value / bound + 0.5) * bound,
    "clamp_min": max,
    "clamp_max": min,
}


def _present(columns: Iterable[tuple[Labels, Values]]) -> list[tuple[Labels, Values]]:
    return [column for column in columns if any(value is not None for value in column[1])]


def _nameless(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != "__name__"}


def _group(labels: Labels, names: Sequence[str], *, keep: bool) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(item for item in labels.items() if (item[0] in names) == keep and (keep or item[0] != "__name__"))
    )


def _merge(fold: Callable[[list[float]], float], columns: list[Values]) -> Values:
    out: Values = []
    for row in zip(*columns, strict=True):
        found = [value for value in row if value is not None]
        out.append(fold(found) if found else None)
    return out


def _top(columns: list[tuple[Labels, Values]], limits: Sequence[float], largest: bool) -> list[tuple[Labels, Values]]:
    kept: list[Values] = [[None] * len(limits) for _ in columns]
    for index, limit in enumerate(limits):
        row = [(values[index], number) for number, (_, values) in enumerate(columns)]
        present = [(value, number) for value, number in row if value is not None]
        present.sort(key=lambda item: item[0], reverse=largest)
        for value, number in present[: max(0, int(limit))]:
            kept[number][index] = value
    return [(labels, values) for (labels, _), values in zip(columns, kept, strict=True)]


def _quantile(quantile: float, bounds: Sequence[float], row: Sequence[float | None]) -> float | None:
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


def _each(vector: Vector, others: list[float], operate: _Operation, filters: bool, *, swapped: bool) -> Vector:
    columns: list[tuple[Labels, Values]] = []
    for labels, values in vector.columns:
        out: Values = []
        for value, other in zip(values, others, strict=True):
            if value is None:
                out.append(None)
                continue
            result = operate(other, value) if swapped else operate(value, other)
            out.append((value if result else None) if filters else result)
        columns.append((labels if filters else _nameless(labels), out))
    return Vector(_present(columns))


def _pair(node: Binary, left: Vector, right: Vector, operate: _Operation, filters: bool) -> Vector:
    partners: dict[tuple[tuple[str, str], ...], Values] = {}
    for labels, values in right.columns:
        key = _group(labels, node.labels, keep=node.on)
        partners[key] = _join(partners.get(key), values, "right", key)
    columns: dict[tuple[tuple[str, str], ...], tuple[Labels, Values]] = {}
    for labels, values in left.columns:
        key = _group(labels, node.labels, keep=node.on)
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
    return Vector(_present(columns.values()))


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


def _set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    def present(vector: Vector) -> dict[tuple[tuple[str, str], ...], list[bool]]:
        found: dict[tuple[tuple[str, str], ...], list[bool]] = {}
        for labels, values in vector.columns:
            key = _group(labels, node.labels, keep=node.on)
            marks = found.setdefault(key, [False] * len(values))
            for index, value in enumerate(values):
                marks[index] = marks[index] or value is not None
        return found

    def kept(vector: Vector, others: dict[tuple[tuple[str, str], ...], list[bool]], wanted: bool) -> Vector:
        columns: list[tuple[Labels, Values]] = []
        for labels, values in vector.columns:
            marks = others.get(_group(labels, node.labels, keep=node.on), [False] * len(values))
            columns.append(
                (labels, [value if mark == wanted else None for value, mark in zip(values, marks, strict=True)])
            )
        return Vector(_present(columns))

    if node.operator == "and":
        return kept(left, present(right), True)
    if node.operator == "unless":
        return kept(left, present(right), False)
    return Vector(left.columns + kept(right, present(left), False).columns)
