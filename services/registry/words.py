"""A line cut into words as a shell cuts it, each word with its place."""

from __future__ import annotations

from dataclasses import dataclass

from services.vocabulary.errors import ConsoleError
from services.vocabulary.quoting import quote

__all__ = ["CommandError", "Word", "quote", "require_closed", "split"]


class CommandError(ConsoleError):
    """The line is not a valid command. The message says what is wrong with the marked part.

    Attributes:
        start: index of the first wrong character in the line; the line's length where something is missing.
        end: index behind the last wrong character.
        suggestion: what was probably meant, ready to stand in the marked place; empty where nothing is near.
    """

    def __init__(self, message: str, hint: str = "", *, start: int, end: int, suggestion: str = "") -> None:
        super().__init__(message, hint or (f"did you mean {suggestion}?" if suggestion else ""))
        self.start = start
        self.end = end
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line.

    Attributes:
        text: the word without its quotes and escapes.
        start: index of its first character in the line, a quote included.
        end: index behind its last one.
        quoted: whether it begins with a quote or an escape, so that it is never an option's name.
        open_quote: the quote that is not closed; empty where all are.
    """

    text: str
    start: int
    end: int
    quoted: bool = False
    open_quote: str = ""


def split(line: str) -> list[Word]:
    """Cut ``line`` at its blanks.

    The rules are those of a POSIX shell: ``'…'`` keeps everything, ``"…"`` keeps everything but ``\\"`` and ``\\\\``,
    a backslash elsewhere keeps the next character. Nothing is ever expanded. A quote that is not closed runs to the
    end of the line and is told by the last word.
    """
    words: list[Word] = []
    position = 0
    while position < len(line):
        if line[position].isspace():
            position += 1
            continue
        word = _word(line, position)
        words.append(word)
        position = word.end
    return words


def _word(line: str, start: int) -> Word:
    out: list[str] = []
    position, quote = start, ""
    while position < len(line):
        character = line[position]
        following = line[position + 1 : position + 2]
        if quote:
            if character == quote:
                quote = ""
            elif character == "\\" and quote == '"' and following in ('"', "\\") and following:
                out.append(following)
                position += 1
            else:
                out.append(character)
        elif character.isspace():
            break
        elif character in "'\"":
            quote = character
        elif character == "\\" and following:
            out.append(following)
            position += 1
        else:
            out.append(character)
        position += 1
    return Word("".join(out), start, position, line[start] in "'\"\\", quote)


def require_closed(words: list[Word]) -> None:
    """Refuse a line whose last quote is not closed.

    Raises:
        CommandError: it marks the word with the open quote.
    """
    if words and (quote := words[-1].open_quote):
        word = words[-1]
        raise CommandError(
            f"the quote {quote} is not closed",
            f"close it with {quote}, or write \\{quote} for the character itself",
            start=word.start,
            end=word.end,
        )
