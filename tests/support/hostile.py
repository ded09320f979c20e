"""Text that tries to steer a terminal: one of each kind, and random text of the same bent."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

CLIPPED = b"PWNCLIP"
"""What the payload that speaks to the clipboard would put there."""

PAYLOADS: Mapping[str, str] = {
    "closing-markup": "[/x]PWNCLOSE",
    "action-markup": "[@click=app.quit]PWNCLICK[/]",
    "style-markup": "[bold red on blue]PWNSTYLE",
    "sgr": "\x1b[31;5;7mPWNSGR",
    "clear": "\x1b[2J\x1b[3J\x1b[HPWNCLEAR",
    "title": "\x1b]0;PWNTITLE\x07",
    "clipboard": f"\x1b]52;c;{base64.b64encode(CLIPPED).decode()}\x07PWNCLIPBOARD",
    "link": "\x1b]8;;http://pwn.example/\x1b\\PWNLINK\x1b]8;;\x1b\\",
    "device-control": "\x1bP+q544ePWNDCS\x1b\\",
    "reset": "\x1bcPWNRESET",
    "screen": "\x1b[?1049l\x1b[?25hPWNSCREEN",
    "report": "\x1b[6n\x1b[cPWNREPORT",
    "c1": "\x9b31mPWNC1\x9d0;PWNC1TITLE\x9c\x90PWNC1DCS\x85",
    "bell": "\x07PWNBELL",
    "backspace": "abc\b\b\bPWNBACK",
    "return": "abc\rPWNRETURN",
    "line": "abc\nPWNLINE\x0b\x0c",
    "delete": "\x7fPWNDELETE",
    "tab": "a\tPWNTAB",
    "null": "\x00PWNNULL\x0e\x0f",
    "override": "\u202ePWNRLO\u202c",
    "isolate": "\u2066PWNLRI\u2067PWNRLI\u2069\u061c",
    "zero-width": "PWN\u200bZ\u200cE\u200dR\u2060O\ufeff\u00ad",
    "tags": "PWNTAGS\U000e0050\U000e0057\U000e004e\U000e007f",
    "separators": "a\u2028PWNLS\u2029PWNPS",
    "selectors": "PWNSELECT\ufe01\U000e0101",
    "fillers": "\u3164PWNFILL\u115f\uffa0\u034f\u2800",
    "marks": "PWNMARKS" + "\u0301" * 60,
    "private": "\ue000PWNPRIVATE\U000f0000",
    "long": "PWNLONG" + "x" * 10_240,
}
"""One of each kind; each shows a word of its own that begins with ``PWN``."""


@dataclass(frozen=True)
class Texts:
    """What outside systems say in a test.

    Attributes:
        each: raw texts by a short plain name that is theirs alone.
        together: many of them in one text.
    """

    each: Mapping[str, str]
    together: str

    @property
    def steering(self) -> list[str]:
        """Those that no screen may ever show as they are, long enough not to come by chance."""
        return [text for text in (*self.each.values(), self.together) if len(text) > 2 and not text.isprintable()]


HOSTILE = Texts(PAYLOADS, " ".join(text for name, text in PAYLOADS.items() if name != "long"))
FEW = Texts(dict(list(PAYLOADS.items())[::2]), HOSTILE.together)
"""Half of them by themselves; all of them together."""


def marked(texts: Iterable[str]) -> Texts:
    """Texts that are told apart by a word of their own at the end, so that none of them comes by chance."""
    each = {f"t{number}": f"{text}PWN{number}T" for number, text in enumerate(texts)}
    return Texts(each, " ".join(each.values()))


# Half a sequence in one text and half in the next is worth a try as well.
_INTRODUCERS = ("\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b#", "\x1b(", "\x9b", "\x9d", "\x90", "\x9f")
_FINALS = ("m", "J", "H", "K", "n", "c", "t", "q", "$p", "?1049l", "0;x\x07", "52;c;eA==\x07", "\x1b\\", "\x9c")
_MARKUP = ("[", "]", "[/", "[/]", "[b]", "[@click=app.quit]", "[link=x]", "\\[", "$text", "&", "{", "{0}", "%s", "`")


def random_texts() -> st.SearchStrategy[str]:
    """Text of every category of characters, sequences, markup and what breaks quotes; nothing that JSON cannot say."""
    character = st.characters(exclude_categories=["Cs"])
    odd = st.characters(categories=["Cc", "Cf", "Co", "Cn", "Z", "M", "Lo", "Lm", "So", "Sk", "Sc", "No", "Po"])
    part = st.one_of(
        st.tuples(st.sampled_from(_INTRODUCERS), st.text("0123456789;?:", max_size=6), st.sampled_from(_FINALS)).map(
            "".join
        ),
        st.sampled_from((*_INTRODUCERS, *_MARKUP, '"', "'", "\\", "=", "=~", ",", "--", "/", "\u202e", "\u2066")),
        st.text(odd, min_size=1, max_size=12),
        st.text(character, max_size=30),
        st.tuples(st.sampled_from("aé世🔥️‍" + "\u0301\u20e3\u200d\ufe0f\u115f"), st.integers(1, 80)).map(
            lambda pair: pair[0] * pair[1]
        ),
    )
    return st.lists(part, min_size=1, max_size=6).map("".join)


def pasted(text: str) -> str:
    """A paste of one line as a terminal hands it on: it lets no escape character through."""
    return f"\x1b[200~{' '.join(text.splitlines()).replace(chr(27), '')}\x1b[201~"
