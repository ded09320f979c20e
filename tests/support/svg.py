"""Pictures of a screen that any viewer can show: nothing is loaded from elsewhere."""

from __future__ import annotations

import re

_FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"


def plain(svg: str) -> str:
    """``svg`` without downloaded fonts, in whatever font of equal widths the viewer has."""
    svg = re.sub(r"\s*@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: Fira Code, monospace", f"font-family: {_FONTS}", svg)
    svg = svg.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
