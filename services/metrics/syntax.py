"""PromQL as a tree, as far as it takes to know what is compared with what.

Precedences are those of ``promql/parser/generated_parser.y`` of Prometheus: ``or``; ``and unless``; comparisons;
``+ -``; ``* / % atan2``; a sign; ``^``, which alone is right-associative. What stands in braces and brackets is
skipped in balance.
"""

from __future__ import annotations

from services.metrics.lexer import ExpressionError, Kind, Token, number_of, tokens_of
from services.metrics.tree import COMPARISONS, Call, Group, Literal, Node, Number, Operation, Ranged, Selector, Signed
from services.vocabulary.durations import DurationError, parse_duration

_PRECEDENCE = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(COMPARISONS, 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "atan2": 5,
    "^": 6,
}
_POWER = 6
_CLOSING = {"(": ")", "{": "}", "[": "]"}
_NESTING = 60  # parentheses, signs and right sides in one another; each takes a few frames of Python's stack
_HEIGHT = 200  # of the tree


def parse(expression: str) -> Node:
    """The tree of an expression.

    Raises:
        ExpressionError: it is no PromQL that is understood here.
    """
    return _Parser(tokens_of(expression)).whole()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0

    def whole(self) -> Node:
        node = self._operation(1)
        self._demand(self._next.kind is Kind.END)
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    @property
    def _end(self) -> int:
        """Where the last token that was taken ends."""
        return self._tokens[self._at - 1].end

    def _take(self) -> Token:
        token = self._next
        self._demand(token.kind is not Kind.END)
        self._at += 1
        return token

    def _demand(self, right: bool) -> None:
        if not right:
            raise ExpressionError(f"not understood at character {self._next.start + 1}")

    def _follows(self, symbol: str) -> bool:
        """Whether ``symbol`` stands behind the next token."""
        return self._next.kind is not Kind.END and self._tokens[self._at + 1].is_symbol(symbol)

    def _operation(self, least: int) -> Node:
        left = self._signed()
        while (precedence := self._precedence()) >= least:
            operator = self._take().text.lower()
            returns_bool = self._modifiers()
            before = self._deeper()
            right = self._operation(precedence if operator == "^" else precedence + 1)
            self._nesting = before
            height = _higher(left, right)
            left = Operation(left.start, right.end, height, operator, left, right, returns_bool)
        return left

    def _precedence(self) -> int:
        token = self._next
        if token.kind is Kind.SYMBOL or token.is_word("or", "and", "unless", "atan2"):
            return _PRECEDENCE.get(token.text.lower(), 0)
        return 0

    def _modifiers(self) -> bool:
        """Pass ``bool``, ``on (…) group_left (…)`` and the like."""
        returns_bool = self._next.is_word("bool")
        if returns_bool:
            self._take()
        if self._next.is_word("on", "ignoring") and self._follows("("):
            self._take()
            self._skip()
        if self._next.is_word("group_left", "group_right"):
            self._take()
            if self._next.is_symbol("("):
                self._skip()
        while self._next.is_word("fill", "fill_left", "fill_right") and self._follows("("):
            self._take()
            self._skip()
        return returns_bool

    def _signed(self) -> Node:
        if not self._next.is_symbol("+", "-"):
            return self._ranged()
        sign = self._take()
        before = self._deeper()
        inner = self._operation(_POWER)
        self._nesting = before
        return Signed(sign.start, inner.end, _higher(inner), sign.text, inner)

    def _deeper(self) -> int:
        before = self._nesting
        self._nesting += 1
        if self._nesting > _NESTING:
            raise ExpressionError(f"more than {_NESTING} levels in one another")
        return before

    def _ranged(self) -> Node:
        node = self._primary()
        start = self._at
        while True:
            token = self._next
            if token.is_symbol("["):
                self._skip()
            elif token.is_word("offset") or token.is_symbol("@"):
                self._take()
                self._moment()
            elif token.is_word("anchored", "smoothed"):
                self._take()
            else:
                break
        return node if self._at == start else Ranged(node.start, self._end, _higher(node), node)

    def _moment(self) -> None:
        """Pass what follows ``offset`` or ``@``: a signed number or duration, ``start()``, or parentheses."""
        if self._next.is_symbol("+", "-"):
            self._take()
        if self._next.is_symbol("("):
            self._skip()
            return
        token = self._take()
        self._demand(token.kind in (Kind.NUMBER, Kind.DURATION, Kind.WORD))
        if token.kind is Kind.WORD and self._next.is_symbol("("):
            self._skip()

    def _primary(self) -> Node:
        token = self._next
        match token.kind:
            case Kind.NUMBER:
                self._take()
                return Number(token.start, token.end, 1, number_of(token.text))
            case Kind.DURATION:
                self._take()
                return Number(token.start, token.end, 1, _seconds(token.text))
            case Kind.STRING:
                self._take()
                return Literal(token.start, token.end, 1)
            case Kind.WORD:
                return self._named()
        if token.is_symbol("("):
            self._take()
            before = self._deeper()
            inner = self._operation(1)
            self._nesting = before
            self._demand(self._take().is_symbol(")"))
            return Group(token.start, self._end, _higher(inner), inner)
        self._demand(token.is_symbol("{"))
        name = self._braces()
        return Selector(token.start, self._end, 1, name)

    def _named(self) -> Node:
        """A function, an aggregation, a selector, ``Inf`` or ``NaN``."""
        word = self._take()
        if self._next.is_word("by", "without") and self._follows("("):
            self._take()
            self._skip()
            self._demand(self._next.is_symbol("("))
        if self._next.is_symbol("("):
            arguments = self._arguments()
            if self._next.is_word("by", "without") and self._follows("("):
                self._take()
                self._skip()
            return Call(word.start, self._end, _higher(*arguments), word.text, arguments)
        if self._next.is_symbol("{"):
            self._braces()
        elif word.is_word("inf", "nan"):
            return Number(word.start, word.end, 1, float(word.text))
        return Selector(word.start, self._end, 1, word.text)

    def _arguments(self) -> tuple[Node, ...]:
        self._take()
        before = self._deeper()
        arguments: list[Node] = []
        while not self._next.is_symbol(")"):
            arguments.append(self._operation(1))
            if self._next.is_symbol(","):
                self._take()
            else:
                self._demand(self._next.is_symbol(")"))
        self._take()
        self._nesting = before
        return tuple(arguments)

    def _braces(self) -> str:
        """Pass label matchers; the metric's name where it stands among them."""
        begin = self._at
        self._skip()
        inside = self._tokens[begin + 1 : self._at - 1]
        if inside and inside[0].kind is Kind.STRING and (len(inside) == 1 or inside[1].is_symbol(",")):
            return inside[0].text[1:-1]
        for name, operator, value in zip(inside, inside[1:], inside[2:], strict=False):
            if name.text == "__name__" and operator.is_symbol("=") and value.kind is Kind.STRING:
                return value.text[1:-1]
        return ""

    def _skip(self) -> None:
        """Pass an opening bracket and everything up to its end."""
        self._demand(self._next.is_symbol(*_CLOSING))
        awaited: list[str] = []
        while True:
            token = self._take()
            if token.is_symbol(*_CLOSING):
                awaited.append(_CLOSING[token.text])
            elif token.is_symbol(*_CLOSING.values()):
                self._demand(awaited.pop() == token.text)
                if not awaited:
                    return


def _higher(*nodes: Node) -> int:
    height = 1 + max((node.height for node in nodes), default=0)
    if height > _HEIGHT:
        raise ExpressionError(f"more than {_HEIGHT} operations in one another")
    return height


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except DurationError as error:
        raise ExpressionError(str(error)) from error
