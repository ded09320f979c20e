"""The two grammars of matcher text, as Alertmanager has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.alerts.model import Matcher
from services.vocabulary.errors import ConsoleError

_OPERATORS = {
    "=": (False, True),
    "!=": (False, False),
    "=~": (True, True),
    "!~": (True, False),
}
# What Go's \s and unicode.IsSpace know. Python's \s knows more.
_GO_BLANK = " \t\n\f\r"
_GO_SPACE = " \t\n\v\f\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CLASSIC = re.compile(
    rf"[{_GO_BLANK}]*([a-zA-Z_:][a-zA-Z0-9_:]*)[{_GO_BLANK}]*(=~|=|!=|!~)[{_GO_BLANK}]*(.*?)[{_GO_BLANK}]*\Z", re.DOTALL
)
_CLASSIC_NAME = re.compile(rf"[{_GO_BLANK}]*[a-zA-Z_:][a-zA-Z0-9_:]*[{_GO_BLANK}]*")
_SPACE = re.compile(rf"[{_GO_SPACE}]*")
_TOKEN = re.compile(
    rf'(?P<operator>=~|!=|!~|=)|(?P<mark>[{{}},])|(?P<quoted>"(?:[^"\\\n]|\\.)*")|(?P<bare>[^{_GO_SPACE}{{}}!=~,\\"\'`]+)'
)
_ESCAPE = re.compile(
    r"""\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))""", re.DOTALL
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}


class MatcherError(ConsoleError):
    """Text is no matcher.

    Attributes:
        text: all of the text.
        position: where in it the trouble begins, counted in characters from 0.
    """

    def __init__(self, what: str, text: str, position: int, hint: str = "") -> None:
        before, after = text[:position][-20:], text[position:][:20]
        super().__init__(f"{what} at {position + 1} in {before}▸{after}", hint)
        self.what = what
        self.text = text
        self.position = position

    def within(self, text: str, offset: int) -> MatcherError:
        """The same trouble, told of a longer text in which this one begins at ``offset``."""
        return MatcherError(self.what, text, self.position + offset, self.hint)


_HINT = 'write for example severity=critical, job!="a b" or pod=~"web-.*"'


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_classic(text: str) -> tuple[Matcher, ...]:
    """Read matchers as every version of Alertmanager does in classic mode.

    Raises:
        MatcherError: where the text is not of that grammar.
    """
    start = 1 if text.startswith("{") else 0
    end = len(text) - 1 if text.endswith("}") and len(text) > start else len(text)
    matchers = []
    for begin, stop in _classic_pieces(text, start, end):
        try:
            matchers.append(parse_classic_one(text[begin:stop]))
        except MatcherError as error:
            raise error.within(text, begin) from None
    return tuple(matchers)


def parse_classic_one(text: str) -> Matcher:
    """Read one matcher of the classic grammar; commas belong to the value.

    Raises:
        MatcherError: where the text is not of that grammar.
    """
    found = _CLASSIC.match(text)
    if found is None:
        name = _CLASSIC_NAME.match(text)
        if name is None:
            raise MatcherError("a label name is expected", text, len(text) - len(text.lstrip()), _HINT)
        raise MatcherError("an operator (= != =~ !~) is expected", text, name.end(), _HINT)
    regex, equal = _OPERATORS[found[2]]
    return Matcher(found[1], _unescape(text, found[3], found.start(3)), regex, equal)


def parse_utf8(text: str) -> tuple[Matcher, ...]:
    """Read matchers as Alertmanager does from 0.27 on in UTF-8 mode.

    Raises:
        MatcherError: where the text is not of that grammar.
    """
    tokens = _tokens(text)
    place = 0

    def take(*kinds: str) -> _Token | None:
        nonlocal place
        if tokens[place].kind not in kinds:
            return None
        place += 1
        return tokens[place - 1]

    def expected(what: str) -> MatcherError:
        return MatcherError(f"{what} is expected", text, tokens[place].at, _HINT)

    matchers: list[Matcher] = []
    if tokens[0].kind == "end":
        return ()
    opened = take("{") is not None
    while tokens[place].kind not in ("}", "end"):
        name = take("quoted", "bare")
        if name is None:
            raise expected("a label name")
        operator = take("operator")
        if operator is None:
            raise expected("an operator (= != =~ !~)")
        value = take("quoted", "bare")
        if value is None:
            raise expected("a value")
        regex, equal = _OPERATORS[operator.text]
        label = _unquote(text, name)
        if not label:
            raise MatcherError("a label name is expected", text, name.at, _HINT)
        matchers.append(Matcher(label, _unquote(text, value), regex, equal))
        if take(",") is None and tokens[place].kind not in ("}", "end"):
            raise expected("a comma")
    if opened and take("}") is None:
        raise expected("a closing brace")
    if tokens[place].kind != "end":
        raise MatcherError("the end is expected", text, tokens[place].at, _HINT)
    return tuple(matchers)


def quote(text: str) -> str:
    """Write a name or a value in quotes, so that both grammars read it back as it is."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def is_classic_name(name: str) -> bool:
    """Whether a label name needs no quotes, in any version."""
    return re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name) is not None


def _classic_pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    quoted = escaped = False
    begin = start
    for at in range(start, end):
        character = text[at]
        if character == "," and not quoted:
            pieces.append((begin, at))
            begin = at + 1
        elif character == '"':
            quoted, escaped = quoted if escaped else not quoted, False
        elif character != ",":  # a comma in quotes leaves a backslash before it pending, there as here
            escaped = character == "\\" and not escaped
    if text[begin:end].strip():
        pieces.append((begin, end))
    return pieces


def _unescape(text: str, value: str, at: int) -> str:
    """The lenient escapes of the classic grammar: ``\\n``, ``\\"`` and ``\\\\``; any other backslash stays."""
    quoted = value.startswith('"')
    body = value[1:] if quoted else value
    at += 1 if quoted else 0
    out: list[str] = []
    place, closed = 0, False
    while place < len(body):
        character = body[place]
        last = place == len(body) - 1
        if character == "\\" and not last:
            following = body[place + 1]
            out.append("\n" if following == "n" else following if following in '"\\' else "\\" + following)
            place += 2
            continue
        if character == '"':
            if not quoted or not last:
                raise MatcherError('a quote inside a value has to be written \\"', text, at + place, _HINT)
            closed = True
        else:
            out.append(character)
        place += 1
    if quoted and not closed:
        raise MatcherError("a closing quote is missing", text, len(text), _HINT)
    return "".join(out)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at == len(text):
            tokens.append(_Token("end", "", at))
            return tokens
        found = _TOKEN.match(text, at)
        if found is None:
            what = "a closing quote is missing" if text[at] == '"' else f"{text[at]!r} has to stand in quotes"
            raise MatcherError(what, text, at, _HINT)
        kind = found.lastgroup or ""
        tokens.append(_Token(found[0] if kind == "mark" else kind, found[0], at))
        at = found.end()


def _unquote(text: str, token: _Token) -> str:
    """What Go's ``strconv.Unquote`` makes of a quoted token; a bare one is what it is."""
    if token.kind == "bare":
        return token.text
    out = bytearray()
    place, body = 0, token.text[1:-1]
    for found in _ESCAPE.finditer(body):
        out += body[place : found.start()].encode("utf-8", "surrogatepass")
        place = found.end()
        simple, byte, octal, short, long, _ = found.groups()
        if simple:
            out += _SIMPLE[simple].encode()
        elif byte:
            out.append(int(byte, 16))
        elif octal and int(octal, 8) < 256:
            out.append(int(octal, 8))
        elif (short or long) and _is_character(code := int(short or long, 16)):
            out += chr(code).encode()
        else:
            raise MatcherError(f"{found[0]!r} is no escape", text, token.at + 1 + found.start(), _HINT)
    out += body[place:].encode("utf-8", "surrogatepass")
    try:
        return out.decode()
    except UnicodeDecodeError:
        raise MatcherError("the text is not valid UTF-8", text, token.at, _HINT) from None


def _is_character(code: int) -> bool:
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
