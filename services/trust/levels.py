"""The five levels, and which of them is in force. Pure and light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from services.safety.actor import Surface


class Level(IntEnum):
    """How far automation may go with one kind of action in one environment.

    Shadow: it only proposes; the line that does the same by hand is shown. Dry run: the other side works it out and
    changes nothing. Assisted: a person agrees each time. Supervised: a person agrees to what is destructive. Selective
    autonomy: what the command itself would ask needs no yes either; what is destructive still does.
    """

    SHADOW = 0
    DRY_RUN = 1
    ASSISTED = 2
    SUPERVISED = 3
    SELECTIVE_AUTONOMY = 4

    @property
    def word(self) -> str:
        """How people write it, such as ``selective-autonomy``."""
        return self.name.lower().replace("_", "-")

    @property
    def above(self) -> Level | None:
        """The next one; None at the top."""
        return Level(self + 1) if self < Level.SELECTIVE_AUTONOMY else None

    @property
    def below(self) -> Level:
        """The one before; Shadow at the bottom."""
        return Level(max(self - 1, Level.SHADOW))


def level_of(word: str) -> Level:
    """The level that a person wrote: its word or its number.

    Raises:
        ValueError: there is no such level; tells which there are.
    """
    wanted = word.strip().lower().replace("_", "-")
    for level in Level:
        if wanted in (level.word, str(int(level))):
            return level
    words = ", ".join(f"{level.word} ({int(level)})" for level in Level)
    raise ValueError(f"{word!r} is no level of trust; there are {words}")


@dataclass(frozen=True, slots=True)
class InForce:
    """The level that counts, and what holds it.

    Attributes:
        level: the least of what was earned, the cap and the mode.
        why: what holds it below, or other than, what was earned (half a sentence); empty where nothing does.
    """

    level: Level
    why: str = ""


def mode_cap(surface: Surface) -> Level:
    """What a mode allows at most: a wallboard changes nothing, whoever asks."""
    return Level.SHADOW if surface is Surface.WALLBOARD else Level.SELECTIVE_AUTONOMY


def in_force(scoped: Level, *, cap: Level, mode: Level, progressive: bool) -> InForce:
    """Which level counts.

    Args:
        scoped: what was earned for the kind and environment.
        cap: the most that any automation is allowed, of the configuration.
        mode: the most that the mode allows.
        progressive: whether levels are earned at all; without, all automation is assisted, whatever was earned.
    """
    base = scoped if progressive else Level.ASSISTED
    level = min(cap, base, mode)
    if level < base:
        return InForce(level, f"held at {level.word} by {'the mode' if level == mode < cap else '[sre.trust] cap'}")
    if not progressive:
        return InForce(level, f"held at {level.word}: progressive_trust is off")
    return InForce(level)
