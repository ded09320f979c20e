"""Prometheus HTTP API v1: a reader that asks, and cannot write.

Thanos, Mimir and VictoriaMetrics answer under the same paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from services.http import Parameters, ReadClient
from services.metrics import wire_inventory
from services.metrics.inventory import ActiveAlert, Rule, Targets
from services.metrics.model import BuildInfo, InstantAnswer, Labels, RangeAnswer
from services.metrics.wire import build_info, instant_answer, range_answer
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError

MOST_POINTS = 11_000
"""Most steps of a range query (``query_range`` in Prometheus' ``web/api/v1/api.go``)."""

_MOST_PAGES = 1000
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

    async def series(
        self, selectors: Sequence[str], start: datetime, end: datetime
    ) -> tuple[tuple[Labels, ...], tuple[str, ...]]:
        """The labels of every series that one of the selectors takes, and what is missing (raw).

        Args:
            selectors: such as ``up{job="node"}``; at least one.
            start: only those with samples since then.
            end: and until then.

        Raises:
            SourceError: no usable answer; the message holds the server's own words.
        """
        chosen = [("match[]", selector) for selector in selectors]
        body = await self._get("/api/v1/series", (*chosen, ("start", _stamp(start)), ("end", _stamp(end))))
        return wire_inventory.series(body, self.source)

    async def label_names(self, selector: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of all labels, or of those of the series that a selector takes; and what is missing (raw).

        Raises:
            SourceError: no usable answer; the message holds the server's own words.
        """
        body = await self._get("/api/v1/labels", (("match[]", selector),) if selector else ())
        return wire_inventory.names(body, self.source)

    async def label_values(self, name: str, selector: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The values of one label, of all series or of those that a selector takes; and what is missing (raw).

        Raises:
            SourceError: no usable answer; the message holds the server's own words.
        """
        path = f"/api/v1/label/{quote(name, safe='')}/values"
        body = await self._get(path, (("match[]", selector),) if selector else ())
        return wire_inventory.names(body, self.source)

    async def targets(self) -> Targets:
        """What it scrapes.

        Raises:
            SourceError: no usable answer.
        """
        return wire_inventory.targets(await self._get("/api/v1/targets", ()), self.source)

    async def active_alerts(self) -> tuple[ActiveAlert, ...]:
        """What its rules hold to be pending or firing.

        Raises:
            SourceError: no usable answer.
        """
        return wire_inventory.active_alerts(await self._get("/api/v1/alerts", ()), self.source)

    async def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the server; pages are followed where it sends them.

        Raises:
            SourceError: no usable answer.
        """
        found: list[Rule] = []
        token = ""
        for _ in range(_MOST_PAGES):
            body = await self._get("/api/v1/rules", (("group_next_token", token),) if token else ())
            page, token = wire_inventory.rules(body, self.source)
            found += page
            if not token:
                break
        return tuple(found)

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
