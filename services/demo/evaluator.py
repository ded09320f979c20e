"""Evaluates a parsed query for many moments at once, over whatever series a source gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import nan
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
    Relabel,
    Selector,
)
from services.demo.promql_tokens import QueryError
from services.demo.series import Sampler, Series, Values
from services.demo.vectors import (
    AGGREGATES,
    CHANGES,
    FOLDS,
    OPERATIONS,
    Labels,
    Scalar,
    Vector,
    bucket_quantile,
    each,
    group_key,
    merge,
    nameless,
    pair,
    present,
    set_operation,
    top,
)


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


def relabelled(labels: Labels, rule: Relabel) -> Labels:
    """The labels after ``label_replace``; as they are where the pattern does not match the source label."""
    found = re2.fullmatch(rule.regex, labels.get(rule.source, ""))
    if found is None:
        return labels
    # Go writes groups as "$1" and "${1}". A label without a value is no label.
    value = re2.sub(r"\$\{?(\d+)\}?", lambda group: found[int(group[1])] or "", rule.replacement)
    return {name: text for name, text in {**labels, rule.target: value}.items() if text}


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
        if isinstance(node, Relabel):
            return self._relabel(node)
        return self._binary(node)

    def _series(self, selector: Selector) -> list[Series]:
        window = selector.window or 0.0
        since = self._times[0] - selector.offset - window
        return list(self._source.select(selector.matchers, since, self._times[-1] - selector.offset))

    def _select(self, selector: Selector) -> Vector:
        if selector.window is not None:
            raise QueryError("a range vector needs a function around it")
        return Vector(
            present(
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
            return Vector(present([({}, gone)]))
        if call.function in ("sort", "sort_desc"):
            columns = sorted(
                vector.columns, key=lambda column: column[1][-1] or 0.0, reverse=call.function == "sort_desc"
            )
            return Vector(columns)
        bound = self._scalar(call.arguments[1]) if len(call.arguments) > 1 else [1.0] * len(self._times)
        change = CHANGES[call.function]
        return Vector(
            [
                (nameless(labels), [None if v is None else change(v, b) for v, b in zip(values, bound, strict=True)])
                for labels, values in vector.columns
            ]
        )

    def _relabel(self, node: Relabel) -> Vector:
        return Vector([(relabelled(labels, node), values) for labels, values in self._vector(node.argument).columns])

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
                fold = FOLDS[call.function]
                samples = self._sampler.window(series, self._times, window, selector.offset)
                values = [fold(found) if found else None for found in samples]
            columns.append((dict(series.labels), values))
        return Vector(present(columns))

    def _aggregate(self, node: Aggregation) -> Vector:
        vector = self._vector(node.argument)
        groups: dict[tuple[tuple[str, str], ...], list[tuple[Labels, Values]]] = {}
        for labels, values in vector.columns:
            groups.setdefault(group_key(labels, node.labels, keep=not node.without), []).append((labels, values))
        if node.parameter is not None:
            limits = self._scalar(node.parameter)
            kept = [top(columns, limits, node.operator == "topk") for columns in groups.values()]
            return Vector(present(column for columns in kept for column in columns))
        fold = AGGREGATES[node.operator]
        return Vector([(dict(key), merge(fold, [values for _, values in columns])) for key, columns in groups.items()])

    def _quantile(self, quantiles: Sequence[float], vector: Vector) -> Vector:
        groups: dict[tuple[tuple[str, str], ...], list[tuple[float, Values]]] = {}
        for labels, values in vector.columns:
            try:
                bound = float(labels.get("le", ""))
            except ValueError:
                continue
            groups.setdefault(group_key(labels, ("le",), keep=False), []).append((bound, values))
        columns: list[tuple[Labels, Values]] = []
        for key, buckets in groups.items():
            buckets.sort(key=lambda bucket: bucket[0])
            bounds = [bound for bound, _ in buckets]
            rows = zip(*(values for _, values in buckets), strict=True)
            columns.append(
                (dict(key), [bucket_quantile(q, bounds, row) for q, row in zip(quantiles, rows, strict=True)])
            )
        return Vector(present(columns))

    def _binary(self, node: Binary) -> Scalar | Vector:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if node.operator in ("and", "or", "unless"):
            if isinstance(left, Scalar) or isinstance(right, Scalar):
                raise QueryError(f"set operator {node.operator!r} not allowed in binary scalar expression")
            return set_operation(node, left, right)
        operate = OPERATIONS[node.operator]
        compares = node.operator in COMPARISONS
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            if compares and not node.as_bool:
                raise QueryError("comparisons between scalars must use BOOL modifier")
            return Scalar([operate(a, b) for a, b in zip(left.values, right.values, strict=True)])
        filters = compares and not node.as_bool
        if isinstance(left, Vector) and isinstance(right, Scalar):
            return each(left, right.values, operate, filters, swapped=False)
        if isinstance(left, Scalar) and isinstance(right, Vector):
            return each(right, left.values, operate, filters, swapped=True)
        assert isinstance(left, Vector)  # noqa: S101 - the other cases are above
        assert isinstance(right, Vector)  # noqa: S101 - the other cases are above
        return pair(node, left, right, operate, filters)

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
