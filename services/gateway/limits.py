"""How often, by whom and how much: buckets that fill with time, and bodies that must end."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from services.gateway.problem import Problem, retry_after
from services.gateway.rates import Rate
from services.vocabulary.clock import Clock

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_BODY = 4096
"""Bytes. The largest sensible request has a reason of 500 characters in it."""
_REMEMBERED = 1024


class Buckets:
    """One bucket for each key; the least lately used is forgotten when there are very many."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        """All are full."""
        self._rate = rate
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable = None) -> float:
        """Take one out.

        Returns:
            0 where there was one, else the seconds until there is one again.
        """
        now = self._clock.monotonic()
        level, seen = self._levels.pop(key, (self._rate.burst, now))
        level = min(self._rate.burst, level + (now - seen) * self._rate.per_second)
        wait = 0.0
        if level >= 1:
            level -= 1
        else:
            wait = (1 - level) / self._rate.per_second
        self._levels[key] = (level, now)
        if len(self._levels) > _REMEMBERED:
            self._levels.popitem(last=False)
        return wait


def too_many(what: str, seconds: float) -> Problem:
    """The answer to one request too many."""
    return Problem(
        429, f"too many {what}", "wait as long as Retry-After says", rule="rate", headers=retry_after(seconds)
    )


async def read_body(request: Request, seconds: float) -> bytes:
    """The whole body, within size and time, however it is sent.

    Raises:
        Problem: 413 where it is too large, 408 where it does not come, 400 where it is cut short.
    """
    large = Problem(
        413,
        f"the body is larger than {LARGEST_BODY} bytes",
        rule="body",
        # What is still on its way is not read.
        headers={"Connection": "close"},
    )
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > LARGEST_BODY:
        raise large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > LARGEST_BODY:
                    raise large
    except TimeoutError:
        raise Problem(
            408, f"the body did not come within {seconds:g} s", rule="body", headers={"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise Problem(400, "the body is cut short", rule="body", headers={"Connection": "close"}) from None
    return bytes(body)
