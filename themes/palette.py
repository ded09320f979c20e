"""The colours. Scarce on purpose: red is critical and failed, amber is warning and stale, the rest is calm."""

from __future__ import annotations

from textual.theme import Theme

_DARK = Theme(
    name="sre-dark",
    primary="#7aa7d6",
    secondary="#8fa3b8",
    accent="#7aa7d6",
    warning="#e5b455",
    error="#ff6b5e",
    success="#7fb98a",
    foreground="#d5dbe3",
    background="#0e1216",
    surface="#141a20",
    panel="#1c242c",
    dark=True,
    variables={
        "severity-critical": "#ff6b5e",
        "severity-error": "#f2895c",
        "severity-warning": "#e5b455",
        "severity-info": "#8fb4dc",
        "severity-other": "#b6a5d6",
        "state-good": "#7fb98a",
        "text-quiet": "#8592a0",
        "rule-quiet": "#2c3742",
        "rule-focus": "#7aa7d6",
        "cursor-row": "#22303d",
        "cursor-row-blurred": "#1a2129",
        "band-open": "#a32219",
        "band-open-text": "#ffffff",
        "band-demo": "#3a2f57",
        "band-demo-text": "#e4dcff",
        "environment-production": "#f0a08a",
        "footer-key-foreground": "#7aa7d6",
        "footer-background": "#0e1216",
        "footer-description-foreground": "#8592a0",
    },
)

_LIGHT = Theme(
    name="sre-light",
    primary="#1f5c99",
    secondary="#4a6076",
    accent="#1f5c99",
    warning="#8f5b00",
    error="#b3261e",
    success="#2c6e3c",
    foreground="#1d242b",
    background="#fbfbf9",
    surface="#f3f4f2",
    panel="#e7e9e8",
    dark=False,
    variables={
        "severity-critical": "#b3261e",
        "severity-error": "#a8430f",
        "severity-warning": "#8f5b00",
        "severity-info": "#1f5c99",
        "severity-other": "#5d4690",
        "state-good": "#2c6e3c",
        "text-quiet": "#5b6772",
        "rule-quiet": "#cfd5da",
        "rule-focus": "#1f5c99",
        "cursor-row": "#d8e5f2",
        "cursor-row-blurred": "#e9edf0",
        "band-open": "#b3261e",
        "band-open-text": "#ffffff",
        "band-demo": "#e3dcf5",
        "band-demo-text": "#3c2a70",
        "environment-production": "#a33a1d",
        "footer-key-foreground": "#1f5c99",
        "footer-background": "#fbfbf9",
        "footer-description-foreground": "#5b6772",
    },
)

_ANSI = Theme(
    name="sre-ansi",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "severity-critical": "ansi_red",
        "severity-error": "ansi_bright_red",
        "severity-warning": "ansi_yellow",
        "severity-info": "ansi_cyan",
        "severity-other": "ansi_magenta",
        "state-good": "ansi_green",
        "text-quiet": "ansi_bright_black",
        "rule-quiet": "ansi_bright_black",
        "rule-focus": "ansi_cyan",
        "cursor-row": "ansi_bright_black",
        "cursor-row-blurred": "ansi_default",
        "band-open": "ansi_red",
        "band-open-text": "ansi_bright_white",
        "band-demo": "ansi_magenta",
        "band-demo-text": "ansi_bright_white",
        "environment-production": "ansi_bright_red",
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "border-blurred": "ansi_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-cursor-text-style": "none",
        "input-selection-background": "ansi_bright_blue",
        "input-selection-foreground": "ansi_black",
        "footer-key-foreground": "ansi_cyan",
        "footer-background": "ansi_default",
        "footer-description-foreground": "ansi_default",
    },
)

THEMES: tuple[Theme, ...] = (_DARK, _LIGHT, _ANSI)
"""Every theme of the console, in the order of :data:`themes.NAMES`."""


def variable_defaults() -> dict[str, str]:
    """A value for every variable of our own, so that a theme from elsewhere (Textual's, a person's) works too."""
    own = {name for name in _DARK.variables if not name.startswith("footer-")}
    return {name: _DARK.variables[name] for name in own}
