"""PromQL cut into tokens, after ``promql/parser/lex.go`` of Prometheus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class ExpressionError(ValueError):
    """The text is no PromQL that is understood here; Prometheus may know better."""


class Kind(Enum):
    """What a token is."""

    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    WORD = "word"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: ``text`` is raw; ``start`` and ``end`` are its place in the expression."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_symbol(self, *symbols: str) -> bool:
        """Whether it is one of these."""
        return self.kind is Kind.SYMBOL and self.text in symbols

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords; they are lower case here and any case in PromQL."""
        return self.kind is Kind.WORD and self.text.lower() in words


_MOST = 5000  # tokens; a longer rule is not taken apart
_TOKEN = re.compile(
    r"""
      (?P<skip> [ \t\r\n]++ | \#[^\r\n]*+ )
    | (?P<duration> (?:[0-9]++(?:ms|[smhdwy]))++ (?![\w.]) )
    | (?P<number>
        (?: 0[xX][0-9a-fA-F_]++ | (?: [0-9][0-9_]*+ (?:\.[0-9_]*+)? | \.[0-9][0-9_]*+ ) (?:[eE][+-]?[0-9]++)? ) (?!\w) )
    | (?P<string> "(?:[^"\\\n]|\\.)*+" | '(?:[^'\\\n]|\\.)*+' | `[^`]*+` )
    | (?P<word> [a-zA-Z_:][a-zA-Z0-9_:]*+ )
    | (?P<symbol> =~ | !~ | == | != | <= | >= | [-+*/%^<>=(){}\[\],@] )
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens_of(expression: str) -> list[Token]:
    """The tokens without blanks and comments; the last one is an END.

    Raises:
        ExpressionError: something in it is no token, or it has thousands of them.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ExpressionError(f"no token at character {position + 1}")
        name = str(match.lastgroup)
        if name != "skip":
            tokens.append(Token(Kind(name), match[0], position, match.end()))
        position = match.end()
        if len(tokens) > _MOST:
            raise ExpressionError(f"more than {_MOST} tokens")
    tokens.append(Token(Kind.END, "", position, position))
    return tokens


def number_of(text: str) -> float:
    """The value of a number as Go's ``strconv`` reads it: ``0x1F`` and ``017`` are 31 and 15, ``018`` is 18.

    Raises:
        ExpressionError: it is none.
    """
    plain = text.replace("_", "")
    try:
        if plain[:2] in ("0x", "0X"):
            return float(int(plain, 16))
        if re.fullmatch("0[0-7]+", plain):
            return float(int(plain, 8))
        return float(plain)
    except (ValueError, OverflowError) as error:
        raise ExpressionError(f"{text!r} is no number") from error
