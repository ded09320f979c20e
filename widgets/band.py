"""A full-width line that cannot be overlooked: alerts that do not arrive, the open breaker, the demo."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Band(Static):
    """Hidden while it has nothing to say."""

    DEFAULT_CSS = """
    Band { height: 1; width: 1fr; padding: 0 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    Band.-demo { background: $band-demo; color: $band-demo-text; }
    Band.-circuit { background: $band-open; color: $band-open-text; text-style: bold; }
    Band.-heartbeat { background: $band-open; color: $band-open-text; text-style: bold; }
    Band.-trouble { background: $panel; color: $warning; text-style: bold; }
    Band.-progress { background: $panel; color: $accent; }
    Band.-said { display: block; }
    """

    _words: Content | None = None

    def say(self, content: Content | None) -> None:
        """Show ``content``; None hides the band."""
        if content == self._words:
            return
        self._words = content
        self.set_class(content is not None, "-said")
        if content is not None:
            self.update(content)
