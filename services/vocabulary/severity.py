"""How bad something is: one short scale, each step with a rank, a glyph and a word."""

from __future__ import annotations

from enum import Enum


class Severity(Enum):
    """The steps of the scale, worst first. ``OTHER`` holds every label that no step claims."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    OTHER = "other"

    @property
    def rank(self) -> int:
        """0 for the worst; sorts ascending into worst first."""
        return _RANKS[self]

    @property
    def glyph(self) -> str:
        """One cell wide; tells the step apart without colour."""
        return _GLYPHS[self]

    @property
    def word(self) -> str:
        """At most four cells wide."""
        return _WORDS[self]

    @classmethod
    def of(cls, label: str | None) -> Severity:
        """The step that a ``severity`` label means.

        Args:
            label: the raw label value; None or empty where the alert has none.

        Returns:
            The step; ``OTHER`` for a value that is not known, so that nothing vanishes.
        """
        return _ALIASES.get((label or "").strip().lower(), cls.OTHER)


_GLYPHS = {
    Severity.CRITICAL: "▲",
    Severity.ERROR: "◆",
    Severity.WARNING: "!",
    Severity.INFO: "i",
    Severity.OTHER: "?",
}
_WORDS = {
    Severity.CRITICAL: "crit",
    Severity.ERROR: "err",
    Severity.WARNING: "warn",
    Severity.INFO: "info",
    Severity.OTHER: "othr",
}
_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
_ALIASES = {
    alias: severity
    for severity, aliases in {
        Severity.CRITICAL: "critical crit page fatal emergency emerg alert disaster p0 p1 sev0 sev1",
        Severity.ERROR: "error err high major p2 sev2",
        Severity.WARNING: "warning warn medium moderate average minor ticket p3 sev3",
        Severity.INFO: "info information informational notice low none debug p4 p5 sev4 sev5",
    }.items()
    for alias in aliases.split()
}
