"""A parser for the part of PromQL that the demo knows. Anything else is refused by name, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from services.demo.promql_tokens import QueryError, Token, fail, scan, unquote
from services.vocabulary.durations import DurationError, parse_duration


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """``name operator "value"``; the operator is ``=``, ``!=``, ``=~`` or ``!~``."""

    name: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Selector:
    """A vector selector; with ``window`` (seconds) a range vector selector."""

    matchers: tuple[LabelMatcher, ...]
    window: float | None = None
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """``operator by|without (labels) (argument)``."""

    operator: str
    argument: Node
    labels: tuple[str, ...]
    without: bool
    parameter: Node | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary operation. ``on`` is True for ``on (labels)``, False for ``ignoring (labels)``."""

    operator: str
    left: Node
    right: Node
    as_bool: bool = False
    on: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relabel:
    """``label_replace(argument, "target", "replacement", "source", "regex")``."""

    argument: Node
    target: str
    replacement: str
    source: str
    regex: str


Node = Number | Selector | Call | Aggregation | Binary | Relabel

RANGE_FUNCTIONS = frozenset(
    {
        "rate",
        "irate",
        "increase",
        "delta",
        "avg_over_time",
        "max_over_time",
        "min_over_time",
        "sum_over_time",
        "count_over_time",
        "last_over_time",
    }
)
VECTOR_FUNCTIONS = frozenset({"abs", "ceil", "floor", "round", "clamp_min", "clamp_max", "sort", "sort_desc"})
OTHER_FUNCTIONS = frozenset(["histogram_quantile", "vector", "scalar", "time", "absent"])
AGGREGATIONS = frozenset(["sum", "avg", "max", "min", "count", "topk", "bottomk", "group"])
COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
_SETS = frozenset({"and", "or", "unless"})
_PRECEDENCE = ({"or"}, {"and", "unless"}, COMPARISONS, {"+", "-"}, {"*", "/", "%"}, {"^"})
_DEPTH = 60


def parse(query: str) -> Node:
    """Read a query.

    Raises:
        QueryError: kind ``bad_data``, with line and column as Prometheus gives them.
    """
    return _Parser(query).parse()


class _Parser:
    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = scan(query)
        self._index = 0
        self._depth = 0

    def parse(self) -> Node:
        if self._peek().kind == "end":
            self._fail("no expression found in input", self._peek())
        node = self._binary(0)
        if self._peek().kind != "end":
            self._fail(f"unexpected {self._peek().text!r}", self._peek())
        if isinstance(node, Selector) and node.window is not None:
            raise QueryError('invalid expression type "range vector" for range query, must be Scalar or instant Vector')
        return node

    def _fail(self, reason: str, token: Token) -> NoReturn:
        fail(self._query, reason, token)

    def _peek(self) -> Token:
        return self._tokens[self._index]

    def _next(self) -> Token:
        token = self._tokens[self._index]
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def _take(self, text: str) -> bool:
        if self._peek().text.lower() == text and self._peek().kind in ("sign", "word"):
            self._next()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            self._fail(f"unexpected {self._peek().text!r}, expected {text!r}", self._peek())

    def _binary(self, level: int) -> Node:
        self._depth += 1
        if self._depth > _DEPTH * (len(_PRECEDENCE) + 2):
            self._fail("the expression is nested too deep for the demo", self._peek())
        try:
            if level == len(_PRECEDENCE):
                return self._unary()
            left = self._binary(level + 1)
            while self._peek().kind in ("sign", "word") and self._peek().text.lower() in _PRECEDENCE[level]:
                operator = self._next().text.lower()
                left = self._operation(operator, left, level)
            return left
        finally:
            self._depth -= 1

    def _operation(self, operator: str, left: Node, level: int) -> Node:
        as_bool = operator in COMPARISONS and self._take("bool")
        on = False
        labels: tuple[str, ...] = ()
        for word in ("on", "ignoring"):
            if self._peek().text.lower() == word and self._take(word):
                on, labels = word == "on", self._labels()
        if self._peek().text.lower() in ("group_left", "group_right"):
            self._fail(f"the demo does not know {self._peek().text}", self._peek())
        # "^" binds to the right.
        right = self._binary(level if operator == "^" else level + 1)
        return Binary(operator, left, right, as_bool, on, labels)

    def _unary(self) -> Node:
        if self._take("-"):
            # "-2 ^ 2" is -(2 ^ 2): the sign binds weaker than the power.
            return Binary("*", Number(-1.0), self._binary(len(_PRECEDENCE) - 1))
        if self._take("+"):
            return self._binary(len(_PRECEDENCE) - 1)
        return self._suffixed(self._atom())

    def _atom(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return Number(float(int(token.text, 16)) if token.text[:2] == "0x" else float(token.text))
        if token.text == "(" and token.kind == "sign":
            inner = self._binary(0)
            self._expect(")")
            return inner
        if token.text == "{" and token.kind == "sign":
            return self._selector(None, token)
        if token.kind != "word":
            self._fail(f"unexpected {token.text!r}", token)
        word = token.text.lower()
        following = self._peek().text
        if word in AGGREGATIONS and (following == "(" or following.lower() in ("by", "without")):
            return self._aggregation(word)
        if following == "(":
            return self._call(token)
        return self._selector(token.text, token)

    def _suffixed(self, node: Node) -> Node:
        while True:
            token = self._peek()
            if self._take("["):
                if not isinstance(node, Selector) or node.window is not None:
                    self._fail("the demo does not know subqueries", token)
                window = self._duration()
                if self._peek().text == ":":
                    self._fail("the demo does not know subqueries", self._peek())
                self._expect("]")
                node = Selector(node.matchers, window, node.offset)
            elif token.kind == "word" and self._take("offset"):
                if not isinstance(node, Selector):
                    self._fail("offset modifier must be preceded by an instant or range selector", token)
                sign = -1.0 if self._take("-") else 1.0
                node = Selector(node.matchers, node.window, sign * self._duration())
            elif self._take("@"):
                self._fail("the demo does not know the @ modifier", token)
            else:
                return node

    def _duration(self) -> float:
        token = self._next()
        if token.kind != "duration":
            self._fail(f"unexpected {token.text!r}, expected a duration", token)
        try:
            seconds = parse_duration(token.text).total_seconds()
        except DurationError as error:
            self._fail(str(error), token)
        if not seconds:
            self._fail("duration must be greater than 0", token)
        return seconds

    def _selector(self, name: str | None, token: Token) -> Node:
        matchers = [] if name is None else [LabelMatcher("__name__", "=", name)]
        if name is None or self._take("{"):
            while not self._take("}"):
                label = self._next()
                if label.kind != "word":
                    self._fail(f'unexpected {label.text!r} in label matching, expected identifier or "}}"', label)
                operator = self._next()
                if operator.text not in ("=", "!=", "=~", "!~"):
                    self._fail(f"unexpected {operator.text!r} in label matching", operator)
                value = self._next()
                if value.kind != "string":
                    self._fail(f"unexpected {value.text!r} in label matching, expected string", value)
                matchers.append(LabelMatcher(label.text, operator.text, unquote(value.text)))
                if not self._take(",") and self._peek().text != "}":
                    self._fail(
                        f'unexpected {self._peek().text!r} in label matching, expected "," or "}}"', self._peek()
                    )
        if not any(matcher.value and matcher.operator in ("=", "=~") for matcher in matchers):
            self._fail("vector selector must contain at least one non-empty matcher", token)
        return Selector(tuple(matchers))

    def _labels(self) -> tuple[str, ...]:
        self._expect("(")
        labels = []
        while not self._take(")"):
            token = self._next()
            if token.kind != "word":
                self._fail(f"unexpected {token.text!r} in grouping opts, expected label", token)
            labels.append(token.text)
            if not self._take(",") and self._peek().text != ")":
                self._fail(f"unexpected {self._peek().text!r} in grouping opts", self._peek())
        return tuple(labels)

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        for word in ("by", "without"):
            if self._take(word):
                return word == "without", self._labels()
        return None

    def _aggregation(self, operator: str) -> Node:
        grouping = self._grouping()
        arguments = self._arguments()
        grouping = grouping or self._grouping() or (False, ())
        wanted = 2 if operator in ("topk", "bottomk") else 1
        if len(arguments) != wanted:
            self._fail(
                f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(arguments)}",
                self._peek(),
            )
        parameter = arguments[0] if wanted == 2 else None
        return Aggregation(operator, arguments[-1], grouping[1], grouping[0], parameter)

    def _relabel(self) -> Node:
        self._expect("(")
        argument = self._binary(0)
        texts = []
        for _ in range(4):
            self._expect(",")
            token = self._next()
            if token.kind != "string":
                self._fail(f'expected type string in call to function "label_replace", got {token.text!r}', token)
            texts.append(unquote(token.text))
        self._expect(")")
        return Relabel(argument, *texts)

    def _call(self, token: Token) -> Node:
        if token.text == "label_replace":
            return self._relabel()
        known = RANGE_FUNCTIONS | VECTOR_FUNCTIONS | OTHER_FUNCTIONS
        if token.text not in known:
            self._fail(f"the demo does not know the function {token.text!r}", token)
        arguments = self._arguments()
        counts = {
            "time": (0, 0),
            "histogram_quantile": (2, 2),
            "clamp_min": (2, 2),
            "clamp_max": (2, 2),
            "round": (1, 2),
        }
        least, most = counts.get(token.text, (1, 1))
        if not least <= len(arguments) <= most:
            self._fail(f"expected {least} argument(s) in call to {token.text!r}, got {len(arguments)}", token)
        if token.text in RANGE_FUNCTIONS:
            argument = arguments[0]
            if not isinstance(argument, Selector) or argument.window is None:
                self._fail(f'expected type range vector in call to function "{token.text}", got instant vector', token)
        elif any(isinstance(argument, Selector) and argument.window is not None for argument in arguments):
            self._fail(f'expected type instant vector in call to function "{token.text}", got range vector', token)
        return Call(token.text, arguments)

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        arguments: list[Node] = []
        while not self._take(")"):
            arguments.append(self._binary(0))
            if not self._take(",") and self._peek().text != ")":
                self._fail(f"unexpected {self._peek().text!r}", self._peek())
        return tuple(arguments)
