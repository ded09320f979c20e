"""The last line: the keys that work here, as they are declared."""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

_LAST = "?"


class KeyLine(Widget):
    """One line for all shown bindings of the screen. Where they do not fit, help stays and the others are cut.

    One widget instead of one for each key: the first picture stands sooner, and nothing moves when the focus does.
    """

    DEFAULT_CSS = """
    KeyLine { height: 1; width: 1fr; padding: 0 1; }
    """

    def on_mount(self) -> None:
        """Follow what the focus makes possible."""
        self.screen.bindings_updated_signal.subscribe(self, self._renew)

    def _renew(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Content:
        """Keys and words from left to right."""
        return Content("  ").join(text for _, text in self._texts())

    def on_click(self, event: events.Click) -> None:
        """A click on a key is the key."""
        left = 0
        column = event.x - self.styles.padding.left
        for key, text in self._texts():
            if left <= column < left + text.cell_length:
                self.app.simulate_key(key)
                return
            left += text.cell_length + 2

    def _texts(self) -> list[tuple[str, Content]]:
        app: App[object] = self.app
        # Several keys may do the same; the first that was declared stands for all.
        bindings = {
            active.binding.id or active.binding.action: active.binding
            for active in reversed(self.screen.active_bindings.values())
            if active.binding.show and active.enabled and active.node is not app
        }
        shown = [(one.key, app.get_key_display(one), one.description) for one in reversed(bindings.values())]
        texts = [
            (key, Content.assemble((sign, "bold $footer-key-foreground"), (f" {words}", "$text-quiet")))
            for key, sign, words in shown
        ]
        last = [pair for pair, one in zip(texts, shown, strict=True) if one[1] == _LAST]
        rest = [pair for pair in texts if pair not in last]
        room = self.content_size.width - sum(text.cell_length + 2 for _, text in last)
        kept: list[tuple[str, Content]] = []
        for key, text in rest:
            room -= text.cell_length + (2 if kept else 0)
            if room < 0:
                break
            kept.append((key, text))
        return [*kept, *last]
