"""Prometheus HTTP API v1: a reader that asks, and cannot write.

Thanos, Mimir and VictoriaMetrics answer under the same paths.
"""

from __future__ import annotations

from datetime import datetime

from services.http import Parameters, ReadClient
from services.metrics.model import BuildInfo, InstantAnswer, RangeAnswer
from services.metrics.wire import build_info, instant_answer, range_answer
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError

MOST_POINTS = 11_000
"""Most steps of a range query (``query_range`` in Prometheus' ``web/api/v1/api.go``)."""

_LARGEST = 32 * 1024 * 1024  # bytes of one answer; skimming them takes about 20 ms


class PrometheusReader:
    """Reads one Prometheus."""

    def __init__(self, client: ReadClient) -> None:
        """Nothing is read before it is asked for; the client stays its maker's to close."""
        self._client = client

    @property
    def source(self) -> str:
        """The name that the person gave it."""
        return self._client.settings.name

    async def query(self, expression: str, at: datetime | None = None) -> InstantAnswer:
        """What an expression gives at one moment.

        Args:
            expression: PromQL that gives a vector or a number.
            at: when; None is the server's own now.

        Raises:
            SourceError: no usable answer; the message holds the server's own words.
        """
        moment = () if at is None else (("time", _stamp(at)),)
        body = await self._get("/api/v1/query", (("query", expression), *moment, self._patience()))
        return await instant_answer(body, self.source)

    async def query_range(self, expression: str, start: datetime, end: datetime, step: float) -> RangeAnswer:
        """What an expression gives at ``start``, ``start + step`` and so on up to ``end``.

        Args:
            expression: PromQL that gives a vector or a number.
            start: first moment.
            end: last moment, not before ``start``.
            step: seconds, above 0.

        Raises:
            ConsoleError: the range is empty or has more points than Prometheus answers; nothing was asked.
            SourceError: no usable answer; the message holds the server's own words.
        """
        seconds = (end - start).total_seconds()
        if step <= 0 or seconds < 0:
            raise ConsoleError("the end of a range lies after its start, and its step is above 0 seconds")
        if seconds / step > MOST_POINTS:
            raise ConsoleError(
                f"a point every {step:g}s makes {seconds / step:,.0f} points a series, and Prometheus answers "
                f"at most {MOST_POINTS:,}",
                "ask for a shorter time or a longer step",
            )
        body = await self._get(
            "/api/v1/query_range",
            (
                ("query", expression),
                ("start", _stamp(start)),
                ("end", _stamp(end)),
                ("step", repr(float(step))),
                self._patience(),
            ),
        )
        return await range_answer(body, self.source)

    async def buildinfo(self) -> BuildInfo:
        """What the server says it is.

        Raises:
            SourceError: no usable answer.
        """
        return build_info(await self._get("/api/v1/status/buildinfo", ()), self.source)

    def _patience(self) -> tuple[str, str]:
        """Let the server give up a little before this side does: then it says why, and stops working."""
        return "timeout", f"{max(1, round(900 * self._client.settings.timeout))}ms"

    async def _get(self, path: str, parameters: Parameters) -> bytes:
        pieces: list[bytes] = []
        total = 0
        try:
            async with self._client.stream(path, parameters) as chunks:
                async for chunk in chunks:
                    total += len(chunk)
                    if total > _LARGEST:
                        raise SourceError(
                            FailureKind.TOO_LARGE,
                            f"{self.source}: the answer is larger than {_LARGEST // 1024 // 1024} MB",
                            "the expression gives too many series; aggregate it or select fewer",
                        )
                    pieces.append(chunk)
        except SourceError as error:
            raise _explained(error) from error
        return b"".join(pieces)


def _explained(error: SourceError) -> SourceError:
    """503 has two meanings: a query took too long (then it says so), or the server is not ready (in plain text)."""
    if error.status != 503:
        return error
    kind, hint = error.kind, "it is starting or stopping"
    if "timed out" in error.message:
        kind, hint = FailureKind.TIMEOUT, "aggregate the expression, or raise timeout for this source"
    return SourceError(kind, error.message, error.hint or hint, sent=error.sent, status=error.status)


def _stamp(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"
