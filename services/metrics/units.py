"""What the values of an expression are counted in: a guess from the names of its metrics.

Names of metrics end in their unit by the conventions of Prometheus (``_seconds``, ``_bytes``, ``_ratio``, with
``_total``, ``_sum``, ``_count`` or ``_bucket`` behind it), those of recording rules are ``level:metric:operations``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.metrics.tree import COMPARISONS, Call, Group, Node, Operation, Ranged, Selector, Signed, constant
from services.vocabulary.plot import Unit

_RATES = frozenset({"rate", "irate", "deriv"})
_COUNTS = frozenset(
    {"absent", "absent_over_time", "changes", "count", "count_over_time", "count_values", "group", "histogram_count"}
    | {"present_over_time", "resets", "sgn", "ln", "log2", "log10", "exp", "sqrt", "stdvar", "stdvar_over_time"}
    | {"day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"}
)
_SECONDS = frozenset({"time", "timestamp"})
_FROM_HISTOGRAM = frozenset({"histogram_quantile", "histogram_avg", "increase", "delta", "idelta", "predict_linear"})


@dataclass(frozen=True, slots=True)
class _Dimension:
    """A quantity, and whether it is per second."""

    unit: Unit = Unit.NONE
    rate: bool = False

    @property
    def busy(self) -> bool:
        """Seconds per second: the share of time that something was busy, for as many as there are of it."""
        return self.rate and self.unit is Unit.SECONDS


_NUMBER = _Dimension()
_RATIO = _Dimension(Unit.RATIO)
_PERCENT = _Dimension(Unit.PERCENT)


def unit_of(node: Node) -> Unit:
    """The unit of an expression; NONE where nothing can be said."""
    found = _dimension(node)
    if not found.rate:
        return found.unit
    return Unit.PER_SECOND if found.unit in (Unit.NONE, Unit.BYTES) else Unit.NONE


def _dimension(node: Node) -> _Dimension:
    match node:
        case Group(inner=inner) | Signed(inner=inner) | Ranged(inner=inner):
            return _dimension(inner)
        case Selector(name=name):
            return _named(name)
        case Call():
            return _called(node)
        case Operation():
            return _combined(node)
    return _NUMBER


def _named(name: str) -> _Dimension:
    parts = name.split(":")
    operations = parts[2] if len(parts) > 2 else ""
    metric = parts[1] if len(parts) > 1 else name
    if "ratio" in operations:
        return _RATIO
    return _Dimension(_suffix(metric), rate="rate" in operations)


def _suffix(metric: str) -> Unit:
    words = metric.split("_")
    while words and words[-1] in ("total", "sum", "bucket", "created"):
        words.pop()
    match words[-1] if words else "":
        case "seconds":
            return Unit.SECONDS
        case "bytes":
            return Unit.BYTES
        case "ratio":
            return Unit.RATIO
        case "percent" | "percentage":
            return Unit.PERCENT
    return Unit.NONE


def _called(call: Call) -> _Dimension:
    if call.name in _SECONDS:
        return _Dimension(Unit.SECONDS)
    if call.name.lower() in _COUNTS:
        return _NUMBER
    values = [argument for argument in call.arguments if constant(argument) is None]
    if not values:
        return _NUMBER
    # topk(5, x), quantile(0.9, x) and histogram_quantile(0.9, x) have numbers first, round(x, 1) has them last.
    inner = _dimension(values[0])
    if call.name in _RATES:
        return replace(inner, rate=True)
    return replace(inner, rate=False) if call.name in _FROM_HISTOGRAM else inner


def _combined(node: Operation) -> _Dimension:
    left, right = _dimension(node.left), _dimension(node.right)
    if node.operator in COMPARISONS:
        return _NUMBER if node.returns_bool else left
    match node.operator:
        case "and" | "unless":
            return left
        case "or":
            return right if left == _NUMBER else left
        case "+" | "-":
            return _added(node, left, right)
        case "*":
            first, second = constant(node.left), constant(node.right)
            if first is not None or second is not None:
                return _scaled(right if first is not None else left, first or second or 0.0)
            return right if left == _RATIO else left if right == _RATIO else _NUMBER
        case "/":
            by = constant(node.right)
            if by is not None:
                return _scaled(left, 1 / by if by else 0.0)
            return _NUMBER if constant(node.left) is not None else _divided(left, right)
    return _NUMBER


def _added(node: Operation, left: _Dimension, right: _Dimension) -> _Dimension:
    first, second = constant(node.left), constant(node.right)
    if first is None and second is None:
        return right if left == _NUMBER else left
    other = right if first is not None else left
    # 1 - rate(idle seconds) is the share of time that was not idle.
    return _RATIO if other.busy and (first or second) == 1 else other


def _scaled(dimension: _Dimension, factor: float) -> _Dimension:
    if factor == 100 and (dimension == _RATIO or dimension.busy):
        return _PERCENT
    if dimension == _PERCENT and abs(factor - 0.01) < 1e-9:
        return _RATIO
    return dimension if 0.1 < abs(factor) < 2 else _NUMBER  # else it is another unit: milliseconds, bits, a minute's


def _divided(left: _Dimension, right: _Dimension) -> _Dimension:
    if left == right:
        return _NUMBER if left in (_RATIO, _PERCENT) else _RATIO
    if left.busy and right == _NUMBER:
        return _RATIO  # processor time by processors
    if right.unit is Unit.NONE and left.rate == right.rate:
        return replace(left, rate=False)  # a mean: seconds a request, bytes a request
    return _NUMBER
