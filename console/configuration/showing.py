"""The configuration as it counts, each value with where it comes from; secrets stay names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from console.configuration.loading import Loaded
from console.configuration.problems import Path, key_text
from console.configuration.references import is_reference
from services.vocabulary.text import display, shorten

_LONGEST = 400
_PADDED = 60


def values(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """Key path, value as TOML writes it, and origin; values that are not set are left out."""
    for path, value in _walk(loaded.settings, ()):
        shown = "…" if _hidden(path, value) else _toml(value)
        yield display(key_text(path)), display(shown), loaded.origin(path)


def lines(rows: Iterable[tuple[str, str, str]], *, whole: bool) -> list[str]:
    """``rows`` of :func:`values`, aligned; a long value pads no other one.

    Args:
        rows: key path, value, origin.
        whole: False cuts a value in the middle that would fill a terminal.
    """
    shown = [(key, value if whole else shorten(value, _LONGEST), origin) for key, value, origin in rows]
    width = max((len(key) for key, _, _ in shown), default=0)
    padded = min(_PADDED, max((len(value) for _, value, _ in shown), default=0))
    return [f"{key.ljust(width)} = {value.ljust(padded)}  # {origin}" for key, value, origin in shown]


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index))
    elif value is not None:
        yield path, value


def _hidden(path: Path, value: Any) -> bool:
    # Headers are not secrets by their kind, yet many hold one (X-Api-Key, X-Auth-Token).
    return isinstance(value, str) and len(path) > 1 and path[-2] == "headers" and not is_reference(value)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return json.dumps(re.sub(r"//[^/@\s]*@", "//…@", value), ensure_ascii=False)
    return f"{value:g}" if isinstance(value, float) else str(value)
