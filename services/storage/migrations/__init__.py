"""The history of the store's tables, applied when a store is opened by a newer program."""

from __future__ import annotations

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""Every revision this program knows, the oldest first; the last one is what it works with."""

HEAD = REVISIONS[-1]
