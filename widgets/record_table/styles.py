"""Styles by name, resolved once a theme."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

from rich.style import Style as RichStyle
from textual.color import ColorParseError
from textual.css.styles import RenderStyles
from textual.css.tokenizer import TokenError
from textual.style import Style
from textual.widget import Widget

_VARIABLE = re.compile(r"\$([\w-]+)")

_log = logging.getLogger(__name__)


class StyleBook:
    """The styles that a widget's lines are written in; forget them when the theme or the style sheet changes."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._named: dict[str, Style] = {}
        self._combined: dict[tuple[str, ...], RichStyle] = {}

    def forget(self) -> None:
        """Resolve every name afresh."""
        self._named.clear()
        self._combined.clear()

    def of(self, *names: str) -> RichStyle:
        """The widget's own style with the named ones laid over it, the last on top.

        Args:
            names: empty, ``.component-class`` of the widget or of one around it, or a Textual style such as
                ``bold $severity-critical``. An unknown name changes nothing and is logged.
        """
        found = self._combined.get(names)
        if found is None:
            style = self._widget.visual_style
            for name in names:
                if name:
                    style += self._resolve(name)
            found = self._combined[names] = _settle(style).rich_style
        return found

    def _resolve(self, name: str) -> Style:
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = self._component(name[1:]) if name.startswith(".") else self._parse(name)
        return found

    def _component(self, name: str) -> Style:
        for node in self._widget.ancestors_with_self:
            try:
                return _declared(node.get_component_styles(name))
            except KeyError:
                continue
        _log.warning("no component class %r around %r", name, self._widget)
        return Style()

    def _parse(self, text: str) -> Style:
        app = self._widget.app
        # Textual's own substitution loses the per cent of "auto 60%", which is what $text-muted stands for.
        written = _VARIABLE.sub(lambda match: app.theme_variables.get(match[1], match[0]), text)
        try:
            return app.stylesheet.parse_style(written)
        except (TokenError, ColorParseError) as error:
            _log.warning("style %r: %s", text, error)
            return Style()


def _settle(style: Style) -> Style:
    # "auto 60%" ($text-muted) is a contrast colour blended into the background, which only now is known. A terminal's
    # own colours cannot be blended; there, muted is dim.
    foreground, background = style.foreground, style.background
    if foreground is None or background is None or not foreground.auto:
        return style
    if background.ansi is not None:
        return replace(style, foreground=background, dim=True if foreground.a < 1 else style.dim)
    return replace(style, foreground=background + background.get_contrast_text(foreground.a))


def _declared(styles: RenderStyles) -> Style:
    # What a rule does not name must not cover what lies below: the severity of a row stays under the cursor.
    found = Style.from_styles(styles)
    if not styles.has_rule("color") and not styles.has_rule("auto_color"):
        found = Style(
            background=found.background,
            bold=found.bold,
            dim=found.dim,
            italic=found.italic,
            underline=found.underline,
            reverse=found.reverse,
            strike=found.strike,
        )
    return found
