"""Puts a screen together again where something changed, and asks nobody else what they look like."""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class SparingCompositor(Compositor):
    """Textual's own, which has every widget of the screen draw all its lines for any change at all.

    Here a widget is asked only where something changed that no widget in front of it covers, and only from the first to
    the last line of that. What reaches the terminal is the same. Give it to a screen before that is first laid out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed: tuple[Region, ...] = ()

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last picture; None for nothing."""
        self._changed = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = ()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if not self._changed:
            yield from super()._get_renders(crop)
            return
        bare = self._changed
        for widget, (region, clip) in self.visible_widgets.items():  # the foremost first
            seen = region.intersection(clip)
            touched = [part for one in bare if (part := seen.intersection(one))]
            if touched:
                lines = Region.from_union(touched)
                shown = Region(seen.x, lines.y, seen.width, lines.height)
                yield region, shown, widget.render_lines(shown.translate(-region.offset))
                bare = tuple(one for one in bare if not seen.contains_region(one))
