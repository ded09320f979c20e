"""Writes words so that the slash grammar reads them back as they are."""

from __future__ import annotations

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=@%+,~^!{}[]()*?|$&;<>#")


def quote(text: str) -> str:
    """Write ``text`` so that it is read back as one word, with quotes only where it needs them."""
    if text and not text.startswith("-") and all(character in _BARE for character in text):
        return text
    if "'" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command_line(name: str, *places: str, **options: str) -> str:
    """A whole line.

    Args:
        name: of the command, without the slash.
        places: what is filled by place.
        options: by name, underscores for hyphens.
    """
    words = [f"/{name}", *map(quote, places)]
    for option, value in options.items():
        words += [f"--{option.replace('_', '-')}", quote(value)]
    return " ".join(words)
