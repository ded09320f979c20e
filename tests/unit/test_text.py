"""Outside text on its way to a screen: one line, nothing hidden, nothing that steers."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vocabulary.text import display, display_each, display_lines, shorten

# Unicode 16, DerivedCoreProperties.txt: Default_Ignorable_Code_Point, what a font draws as nothing.
IGNORABLE = [
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
]
HOSTILE = {chr(code) for first, last in IGNORABLE for code in range(first, last + 1)} | {
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
}
# Texts made mostly of what matters here.
texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "ab é世🔥⚠❤👩💻\n\t\x1b\x9b\u0301\u0308\u20e3\u200d\ufe0f\U000e0041\u202e\u2066\u00a0\u1161\u2800…‹›"
        ),
    ),
    max_size=200,
)


def test_no_hostile_character_gets_through() -> None:
    assert HOSTILE.isdisjoint(display("".join(HOSTILE)))


def test_a_hostile_character_is_seen_wherever_it_stands() -> None:
    assigned = [character for character in HOSTILE if unicodedata.category(character) not in ("Cn", "Co", "Cs")]
    for character in assigned:
        for text in (character, f"a{character}b", f"世{character}"):
            shown = display(text)
            assert character not in shown, hex(ord(character))
            assert len(shown) > len(text.replace(character, "")), hex(ord(character))


@given(texts)
def test_what_is_shown_hides_nothing(text: str) -> None:
    assert HOSTILE.isdisjoint(display(text))


@given(texts)
def test_showing_twice_changes_nothing(text: str) -> None:
    assert display(display(text)) == display(text)


@given(texts, st.integers(0, 30))
def test_the_limit_holds_and_cuts_what_would_be_shown(text: str, limit: int) -> None:
    shown = display(text, limit)
    assert len(shown) <= limit
    assert shown == shorten(display(text), limit)
    assert display(shown, limit) == shown


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert display(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc\x00\x1b[31m\x7f", "a␤b␍␉c␀␛[31m␡"),
        ("\x85\x9b31m", "‹U+0085›‹U+009B›31m"),
        ("abc\u202edef\u2066g", "abc‹U+202E›def‹U+2066›g"),
        ("pro\u200bd\ufeff\u00ad", "pro‹U+200B›d‹U+FEFF›‹U+00AD›"),
        ("a\u2028b\u2029c", "a‹U+2028›b‹U+2029›c"),
        ("a\U000e0068\U000e0069", "a‹U+E0068›‹U+E0069›"),
        ("\ud800", "‹U+D800›"),
        ("\ue0b0", "‹U+E0B0›"),
        ("a\u00a0b\u3000c\u2003d", "a b c d"),
        ("[red]markup[/]", "[red]markup[/]"),
        ("naïve Größe 世界 Ελλάδα עברית", "naïve Größe 世界 Ελλάδα עברית"),
        # Fillers that look like a blank or like nothing.
        ("a\u3164b\u2800c\u115fd", "a‹U+3164›b‹U+2800›c‹U+115F›d"),
        # An emoji keeps its picture; a selector anywhere else, or one more, would hide something.
        ("⚠\ufe0f Disk full 🔥", "⚠ Disk full 🔥"),
        ("⚠\ufe0f\ufe0f", "⚠‹U+FE0F›"),
        ("prod\ufe0f", "prod‹U+FE0F›"),
        ("😀\U000e0150", "😀‹U+E0150›"),
        # A joined emoji is its parts.
        ("👩\u200d💻", "👩‹U+200D›💻"),
        # Marks belong on a character, and not in towers.
        ("e\u0301", "e\u0301"),
        ("\u0301e", "‹U+0301›e"),
        ("e" + "\u0301" * 6 + "f", "e" + "\u0301" * 4 + "‹U+0301›‹U+0301›f"),
        ("각", "각"),
        ("ᄀ" + "\u1161" * 5, "ᄀ" + "\u1161" * 4 + "‹U+1161›"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert display(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("checkout-7f9c", 13, "checkout-7f9c"),
        ("checkout-7f9c", 8, "che…7f9c"),
        ("checkout-7f9c", 2, "…c"),
        ("checkout-7f9c", 1, "…"),
        ("checkout-7f9c", 0, ""),
        ("", 0, ""),
    ],
)
def test_a_long_name_keeps_its_ends(text: str, limit: int, shown: str) -> None:
    assert shorten(text, limit) == display(text, limit) == shown


@given(st.text(st.sampled_from("a⚠\u0301\ufe0f\u202e世"), min_size=60, max_size=400), st.integers(0, 8))
def test_a_very_long_text_is_cut_like_a_short_one(text: str, limit: int) -> None:
    assert display(text * 10, limit) == shorten(display(text * 10), limit)


def test_meant_line_breaks_are_kept() -> None:
    assert display_lines("one\r\ntwo\n\nthr\x1bee\u2028x\rdone") == ["one", "two", "", "thr␛ee‹U+2028›x␍done"]


@pytest.mark.parametrize("text", ["plain", "a\x1b[31m\x9b\u202e\U000e0050\u2028\x7f\ue000\ufe01", "e" + "\u0301" * 9])
def test_an_edited_line_keeps_its_length_and_hides_nothing(text: str) -> None:
    shown = display_each(text)
    assert len(shown) == len(text)
    assert all(character.isprintable() for character in shown)
    assert shown.count("\u0301") <= 4
    assert display_each("naïve e\u0301 東京") == "naïve e\u0301 東京"


def test_no_hostile_character_gets_through_a_line_that_is_edited() -> None:
    assert not {character for character in HOSTILE if character in display_each(f"a{character}b")}
