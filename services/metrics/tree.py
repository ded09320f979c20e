"""The parts of a PromQL expression, and what can be said of a part by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression: its place in the text, and how many levels of parts it holds."""

    start: int
    end: int
    height: int


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number, or a duration, which counts as its seconds."""

    value: float


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A string."""


@dataclass(frozen=True, slots=True)
class Selector(Node):
    """A selector; ``name`` is the metric's, empty where only its labels are given."""

    name: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function or an aggregation."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Ranged(Node):
    """Something with a range, a subquery, ``offset`` or ``@`` behind it."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Group(Node):
    """Parentheses."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Signed(Node):
    """``+`` or ``-`` before something."""

    sign: str
    inner: Node


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """Two sides and an operator, in lower case; ``returns_bool`` where ``bool`` makes a comparison give 0 or 1."""

    operator: str
    left: Node
    right: Node
    returns_bool: bool


def ungrouped(node: Node) -> Node:
    """What stands inside all its parentheses."""
    while isinstance(node, Group):
        node = node.inner
    return node


def constant(node: Node) -> float | None:
    """The number that it always is, by Go's arithmetic; None where it depends on data, on time or on ``bool``."""
    match node:
        case Number(value=value):
            return value
        case Group(inner=inner):
            return constant(inner)
        case Signed(sign=sign, inner=inner):
            unsigned = constant(inner)
            return unsigned if unsigned is None or sign == "+" else -unsigned
        case Operation(operator=operator, left=left, right=right):
            first, second = constant(left), constant(right)
            return None if first is None or second is None else _calculated(operator, first, second)
    return None


def is_scalar(node: Node) -> bool:
    """Whether it is one number without labels."""
    match node:
        case Number():
            return True
        case Group(inner=inner) | Signed(inner=inner):
            return is_scalar(inner)
        case Operation(left=left, right=right):
            return is_scalar(left) and is_scalar(right)
        case Call(name=name):
            return name in ("scalar", "time", "pi")
    return False


def _calculated(operator: str, left: float, right: float) -> float | None:
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "%":
                return math.fmod(left, right)
            case "^":
                return math.pow(left, right)
            case "atan2":
                return math.atan2(left, right)
    except ZeroDivisionError:
        zero_sign = math.copysign(1, left) * math.copysign(1, right)
        return math.nan if left == 0 or math.isnan(left) else zero_sign * math.inf
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf
    except ValueError:
        return math.inf if operator == "^" and left == 0 else math.nan
    return None
