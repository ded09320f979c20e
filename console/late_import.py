"""Heavy modules, imported beside a running screen."""

from __future__ import annotations

import asyncio
import gc
import importlib
import threading
from typing import Any

_importing = threading.Lock()


async def import_late(name: str) -> Any:
    """Import a module in a thread with the garbage collector paused, then leave its objects out of collections.

    A full collection over everything that was imported stops the loop for 50 ms; paused and frozen, a large import
    stops it for about 10.
    """
    return await asyncio.to_thread(_import, name)


def _import(name: str) -> Any:
    with _importing:
        paused = gc.isenabled()
        gc.disable()
        try:
            module = importlib.import_module(name)
        finally:
            if paused:
                gc.enable()
        gc.freeze()
        return module
