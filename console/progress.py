"""How far a command is, on one line of a terminal that is written over and over."""

from __future__ import annotations

from typing import TextIO

_BAR = 30


class Progress:
    """Shows a bar where there is a terminal, and nothing where there is none."""

    def __init__(self, stream: TextIO) -> None:
        """
        Args:
            stream: usually stderr, so that the answer stays alone on stdout.
        """
        self._stream = stream
        self._shown = ""

    def show(self, what: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` are done; at the end the line is wiped."""
        if not self._stream.isatty():
            return
        if done >= total:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            return
        share = done / total
        filled = round(share * _BAR)
        line = f"\r{'█' * filled}{'░' * (_BAR - filled)} {share:4.0%}  {done:,} of {total:,} {what}"
        if line != self._shown:
            self._shown = line
            self._stream.write(line)
            self._stream.flush()
