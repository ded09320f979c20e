"""Many requests, from a process of their own: ``python -m tests.support.load URL TOKEN CONNECTIONS SECONDS [RATE]``.

Keeps its connections open and asks again as soon as it is answered, or so many times a second in all. Prints how many
answers there were, of which statuses, in which time, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from urllib.parse import urlsplit


async def _ask(host: str, port: int, request: bytes, end: float, pace: float, statuses: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    following = time.perf_counter()
    while time.perf_counter() < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        statuses[head.split()[1].decode()] += 1
        following += pace
        if (wait := following - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
    writer.close()


async def main(url: str, token: str, connections: int, seconds: float, rate: float) -> None:
    """Ask, and print what came of it."""
    parts = urlsplit(url)
    request = (
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json\r\n\r\n"
    ).encode()
    statuses: Counter[str] = Counter()
    begun = time.perf_counter()
    pace = connections / rate if rate else 0.0
    asking = [
        _ask(parts.hostname or "", parts.port or 80, request, begun + seconds, pace, statuses)
        for _ in range(connections)
    ]
    await asyncio.gather(*asking)
    print(json.dumps({"seconds": time.perf_counter() - begun, "statuses": statuses}))


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5] if sys.argv[5:] else 0))
    )
