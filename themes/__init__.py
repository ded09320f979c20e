"""Themes, the defaults of their variables, and style sheets."""

NAMES: tuple[str, ...] = ("sre-dark", "sre-light", "sre-ansi")
"""The themes a person can choose. ``sre-ansi`` uses the sixteen colours that the terminal itself defines."""

DEFAULT = "sre-dark"
"""The theme of a first start."""

PLAIN = "sre-ansi"
"""The theme where the environment asks for no colour (``NO_COLOR``)."""
