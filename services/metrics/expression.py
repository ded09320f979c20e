"""What the rule of an alert measures and what it compares it with, read from its expression.

**Which comparison.** A rule fires for every series that its expression returns, so the outermost comparison decides.
``x > 5`` measures ``x`` against 5; ``5 < x`` is turned round; constants are calculated (``0.9 * 100``).

- ``a > 1 and b < 2``: the left-most side that compares with a constant, as ``and`` returns the values of its left
  side. ``a unless b``: the left side, as the right one only takes away.
- ``a > 1 or b > 2``: either may be what fires, so each side is a condition of its own.
- ``0 < x < 5``, ``x > 0 < 5``: the outermost comparison; the others are taken off what is measured.
- ``x > bool 5`` measures ``x`` against 5, and so does ``(x > bool 5) == 1``.
- ``a > b``: measures ``a``; ``b`` is the limit, which is no constant. ``time() > b`` measures ``b``.
- Anything else is measured whole, without a threshold: ``absent(x)``, a comparison inside an aggregation, PromQL that
  is not understood here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from services.metrics.lexer import ExpressionError
from services.metrics.syntax import parse
from services.metrics.tree import COMPARISONS, Node, Operation, constant, is_scalar, ungrouped
from services.metrics.units import unit_of
from services.vocabulary.errors import ConsoleError
from services.vocabulary.plot import Unit

_MOST = 4  # alternatives of one rule that are told apart
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a rule can fire.

    Attributes:
        text: the whole condition with its comparisons (raw PromQL); what it returns fires.
        measured: what is compared (raw PromQL).
        operator: ``>``, ``>=``, ``<``, ``<=``, ``==``, ``!=``; empty where nothing is compared.
        threshold: the constant on the other side; None where it is none.
        limit: the other side where it is no constant (raw PromQL); else empty.
        more: whether there are further conditions in it.
        unit: of what is measured; a guess.
    """

    text: str
    measured: str
    operator: str = ""
    threshold: float | None = None
    limit: str = ""
    more: bool = False
    unit: Unit = Unit.NONE


def expression_of(generator_url: str) -> str:
    """The expression in the ``g0.expr`` of an alert's ``generatorURL``, raw. Nobody is contacted.

    Raises:
        ConsoleError: there is none.
    """
    if not generator_url:
        raise ConsoleError("this alert does not tell its rule: it came without a generatorURL")
    try:
        found = parse_qs(urlsplit(generator_url).query).get("g0.expr", [""])[0].strip()
    except ValueError:
        found = ""
    if not found:
        raise ConsoleError(
            "this alert does not tell its rule: its generatorURL has no g0.expr",
            "Prometheus and Thanos write one; other senders of alerts do not",
        )
    return found


def conditions_of(expression: str) -> tuple[Condition, ...]:
    """The conditions of a rule, any of which makes it fire; at least one. Never fails."""
    try:
        tree = parse(expression)
    except ExpressionError:
        return (Condition(expression, expression),)
    branches = list(_branches(tree))
    if len(branches) > _MOST:
        return (Condition(expression, expression, unit=unit_of(tree)),)
    if len(branches) == 1:
        return (replace(_Reading(expression).condition(tree), text=expression),)
    return tuple([_Reading(expression).condition(branch) for branch in branches])


def _branches(node: Node) -> Iterator[Node]:
    inner = ungrouped(node)
    if isinstance(inner, Operation) and inner.operator == "or":
        yield from _branches(inner.left)
        yield from _branches(inner.right)
    else:
        yield node


class _Reading:
    """Reads the parts of one expression."""

    def __init__(self, expression: str) -> None:
        self._expression = expression

    def condition(self, node: Node) -> Condition:
        """The condition that decides."""
        inner = ungrouped(node)
        if isinstance(inner, Operation):
            if inner.operator in COMPARISONS:
                return replace(self._comparison(inner), text=self._text(node))
            if inner.operator in ("and", "or", "unless"):
                sides = [self.condition(inner.left)]
                if inner.operator != "unless":
                    sides.append(self.condition(inner.right))
                return replace(_deciding(sides), text=self._text(node), more=True)
        return self._whole(node)

    def _comparison(self, node: Operation) -> Condition:
        left, right = constant(node.left), constant(node.right)
        if left is not None and right is not None:
            return self._whole(node)
        if right is not None:
            return self._against(node.left, node.operator, right)
        if left is not None:
            return self._against(node.right, _FLIPPED[node.operator], left)
        if is_scalar(node.left) and not is_scalar(node.right):
            measured, operator, limit = node.right, _FLIPPED[node.operator], node.left
        else:
            measured, operator, limit = node.left, node.operator, node.right
        return replace(self._whole(measured), operator=operator, limit=self._text(ungrouped(limit)))

    def _against(self, measured: Node, operator: str, threshold: float) -> Condition:
        inner = ungrouped(measured)
        if isinstance(inner, Operation) and inner.operator in COMPARISONS:
            nested = self._comparison(inner)
            if inner.returns_bool:
                if nested.operator and _holds_for_true(operator, threshold):
                    return nested
            elif nested.threshold is not None:
                return replace(nested, operator=operator, threshold=threshold, more=True)
        return replace(self._whole(measured), operator=operator, threshold=threshold)

    def _whole(self, node: Node) -> Condition:
        text = self._text(ungrouped(node))
        return Condition(text, text, unit=unit_of(node))

    def _text(self, node: Node) -> str:
        return self._expression[node.start : node.end]


def _deciding(sides: list[Condition]) -> Condition:
    constants = [side for side in sides if side.threshold is not None]
    compared = [side for side in sides if side.operator]
    return [*constants, *compared, *sides][0]


def _holds_for_true(operator: str, threshold: float) -> bool:
    """Whether the comparison holds for 1 and not for 0: then it says no more than that a ``bool`` is true."""
    return _compare(1.0, operator, threshold) and not _compare(0.0, operator, threshold)


def _compare(value: float, operator: str, threshold: float) -> bool:
    match operator:
        case ">":
            return value > threshold
        case ">=":
            return value >= threshold
        case "<":
            return value < threshold
        case "<=":
            return value <= threshold
        case "==":
            return value == threshold
    return value != threshold
