"""Which rows a person selected, and how many of them went away without them."""

from __future__ import annotations

from collections.abc import Iterable


class Selection:
    """Keys of rows. Only a person adds to them; rows that end take theirs along, and that is remembered."""

    def __init__(self) -> None:
        self._keys: frozenset[str] = frozenset()
        self._lost = 0

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    @property
    def keys(self) -> frozenset[str]:
        """Of the selected rows."""
        return self._keys

    @property
    def lost(self) -> int:
        """How many selected rows went away since the person last chose, or was told."""
        return self._lost

    def accept(self) -> None:
        """The person was told what is lost."""
        self._lost = 0

    def toggle(self, key: str) -> None:
        """Select the row of ``key``, or no longer: the person sees what is selected and has chosen anew."""
        self._keys = self._keys ^ {key}
        self._lost = 0

    def clear(self) -> None:
        """Select nothing, as the person asks."""
        self._keys = frozenset()
        self._lost = 0

    def keep(self, there: Iterable[str]) -> bool:
        """Only what is among ``there`` stays selected. Returns whether anything went."""
        kept = self._keys.intersection(there)
        gone = len(self._keys) - len(kept)
        self._keys = kept
        self._lost += gone
        return bool(gone)
