"""Where a JSON object ends that has not arrived as a whole. Exact: knows strings, escapes and depth."""

from __future__ import annotations

import re

# A whole string, a brace, or the quote of a string whose end has not arrived.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}]|"', re.DOTALL)


class ObjectScan:
    """Looks at each byte of one object once, however often it is asked."""

    def __init__(self) -> None:
        self._scanned = 0
        self._depth = 0

    @property
    def begun(self) -> bool:
        """Whether anything was looked at since :meth:`reset`."""
        return self._scanned > 0

    def end(self, buffer: bytes, start: int) -> int:
        """Where the object ends whose first byte is at ``start``: the place behind its last one; -1 for not yet.

        ``buffer`` may be another one each time, as long as the object only grows from its ``start`` on.
        """
        for match in _TOKEN.finditer(buffer, start + self._scanned):
            if match.end() - match.start() > 1:
                continue
            token = buffer[match.start()]
            if token == ord('"'):
                self._scanned = match.start() - start
                return -1
            self._depth += 1 if token == ord("{") else -1
            if self._depth == 0:
                return match.end()
        self._scanned = len(buffer) - start
        return -1

    def reset(self) -> None:
        """Begin with the next object."""
        self._scanned = self._depth = 0
