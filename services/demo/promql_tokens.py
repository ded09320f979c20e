"""The words of PromQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

_TOKEN = re.compile(
    r"""\s*+(?:\#[^\n]*+\s*+)*+(?:
        (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
      | (?P<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?:[iI]nf|[nN]a[nN])(?!\w))
      | (?P<word>[a-zA-Z_:][\w:]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
      | (?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^(){}\[\],=<>@:])
    )""",
    re.VERBOSE,
)


class QueryError(Exception):
    """The query cannot be answered.

    Attributes:
        kind: ``bad_data`` or ``execution``, as in the error envelope of the Prometheus HTTP API.
    """

    def __init__(self, message: str, kind: str = "bad_data") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Token:
    """A word and where it begins."""

    kind: str
    text: str
    position: int


def scan(query: str) -> list[Token]:
    """The words of a query, the end last.

    Raises:
        QueryError: a character that begins no word.
    """
    tokens, position = [], 0
    end = len(query.rstrip())
    while position < end:
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            rest = query[position:].lstrip()
            if not rest or rest.startswith("#"):
                break
            fail(query, f"unexpected character: {rest[0]!r}", Token("", "", len(query) - len(rest)))
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    tokens.append(Token("end", "end of input", end))
    return tokens


def fail(query: str, reason: str, token: Token) -> NoReturn:
    """Refuse a query at a word, with line and column as Prometheus gives them."""
    before = query[: token.position]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    raise QueryError(f'invalid parameter "query": {line}:{column}: parse error: {reason}')


def unquote(text: str) -> str:
    """The value of a string literal."""
    if text[0] == "`":
        return text[1:-1]
    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", _escape, text[1:-1])


def _escape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}.get(code, code)
