"""What the title of a pane counts, and how an empty list is told: never more certain than the sources are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from services.vocabulary.snapshot import Freshness

Count = tuple[str, str]
"""Words, and the style that they are drawn in."""


def counted(parts: Iterable[Count]) -> Content:
    """Counts behind a title: ``3 critical  9 warning``, each in its style."""
    return Content("  ").join([Content.styled(text, style) for text, style in parts])


def honest(parts: Sequence[Count], freshness: Sequence[Freshness], what: str, *, quiet: str = "") -> list[Count]:
    """``parts`` as far as they can be believed.

    Args:
        parts: what was counted; empty where there is nothing to count.
        freshness: of every source that was counted.
        what: the word that is UNKNOWN where nothing was counted and some source gave no fresh answer.
        quiet: the words for nothing where every source gave one; empty for none.
    """
    if all(source.trusted for source in freshness):
        return list(parts) or ([(quiet, "$text-quiet")] if quiet else [])
    if not parts:
        return [(f"{what} UNKNOWN", "bold $warning")]
    return [*parts, ("or more", "bold $warning")]


def narrowed(shown: int, total: int) -> Count:
    """That there is a filter: whoever forgets it takes the list for all there is. Never cut off."""
    return f"filter: {shown} of {total}", "bold $accent"


def nothing_passes(what: str, total: int) -> str:
    """The sentence of a list that a filter leaves empty."""
    return f"No {what} of {total} passes the filter. Escape clears it."
