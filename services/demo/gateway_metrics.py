"""Requests and latency, as the gateway of the demo counts them."""

from __future__ import annotations

from collections.abc import Iterator

from services.demo import seeding
from services.demo.catalog import SERVING, Workload
from services.demo.family import Family
from services.demo.series import Series
from services.demo.signals import Curve, Episode, EpisodeIntegral, Traffic, below, mean_latency
from services.demo.world import World

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, in seconds."""

_SLOW_MEDIAN = 2.2

# Share of requests that fail, and share that is slow, at the height of the story.

# Share of requests that fail, that are slow, or that stay away at the height of the story.
_FAILING = {
    "checkout": (0.13, Episode(95.0, 170.0, 425.0, 458.0)),
    "frontend": (0.011, Episode(105.0, 190.0, 425.0, 470.0)),
    "cart": (0.008, Episode(120.0, 210.0, 425.0, 475.0)),
}
_SLOW = {
    "checkout": (0.2, Episode(95.0, 160.0, 425.0, 465.0)),
    "cart": (0.08, Episode(130.0, 200.0, 430.0, 490.0)),
    "frontend": (0.05, Episode(150.0, 230.0, 430.0, 500.0)),
}
_FEWER = {
    "payments": (0.35, Episode(110.0, 200.0, 430.0, 520.0)),
    "ledger": (0.35, Episode(110.0, 200.0, 430.0, 520.0)),
}


class GatewayMetrics:
    """The families of the gateway."""

    def __init__(self, world: World) -> None:
        self._world = world

    def families(self) -> Iterator[Family]:
        """All of them."""
        yield Family("http_requests_total", "counter", "Requests that passed the gateway.", self._requests)
        text = "Seconds from request to response at the gateway."
        for suffix, series in (("bucket", self._buckets), ("count", self._counts), ("sum", self._sums)):
            yield Family(f"http_request_duration_seconds_{suffix}", "histogram", text, series)

    def _requests(self, _since: float, _until: float) -> Iterator[Series]:
        for workload in SERVING:
            rate, traffic = workload.traffic, traffic_of(self._world, workload)
            failing, episode = _FAILING.get(workload.name, (0.0, None))
            fewer, absence = _FEWER.get(workload.name, (0.0, None))
            flaky = 0.0006 + 0.0014 * seeding.fraction(self._world.seed, workload.name, "errors")
            for code, share, of_failing in (
                ("200", 1 - 0.012 - flaky, -1.0),
                ("404", 0.012, 0.0),
                ("500", flaky * 0.7, 0.35),
                ("503", flaky * 0.3, 0.65),
            ):
                terms = [(rate * share, traffic)]
                extra: list[tuple[float, Curve]] = []
                if episode is not None and of_failing:
                    extra.append((rate * failing * of_failing, EpisodeIntegral(episode)))
                if absence is not None and code == "200":
                    extra.append((-rate * fewer, EpisodeIntegral(absence)))
                yield Series("http_requests_total", {**_served(workload), "code": code}, (*terms, *extra))

    def _latency(self, suffix: str, workload: Workload, fast: float, slow: float, **extra: str) -> Series:
        """A series of the histogram: ``fast`` a request in calm times, ``slow`` a request that the story slows."""
        terms: list[tuple[float, Curve]] = [(workload.traffic * fast, traffic_of(self._world, workload))]
        share, episode = _SLOW.get(workload.name, (0.0, None))
        if episode is not None and slow != fast:
            terms.append((workload.traffic * share * (slow - fast), EpisodeIntegral(episode)))
        fewer, absence = _FEWER.get(workload.name, (0.0, None))
        if absence is not None:
            terms.append((-workload.traffic * fewer * fast, EpisodeIntegral(absence)))
        return Series(f"http_request_duration_seconds_{suffix}", {**_served(workload), **extra}, tuple(terms))

    def _buckets(self, _since: float, _until: float) -> Iterator[Series]:
        for workload in SERVING:
            for bound in BUCKETS:
                shares = below(bound, workload.median), below(bound, _SLOW_MEDIAN)
                yield self._latency("bucket", workload, *shares, le=f"{bound:g}")
            yield self._latency("bucket", workload, 1.0, 1.0, le="+Inf")

    def _counts(self, _since: float, _until: float) -> Iterator[Series]:
        for workload in SERVING:
            yield self._latency("count", workload, 1.0, 1.0)

    def _sums(self, _since: float, _until: float) -> Iterator[Series]:
        for workload in SERVING:
            yield self._latency("sum", workload, mean_latency(workload.median), mean_latency(_SLOW_MEDIAN))


def traffic_of(world: World, workload: Workload) -> Traffic:
    """The curve of the requests that a workload gets, with mean 1."""
    return Traffic(world.seed, workload.name, world.midnight)


def _served(workload: Workload) -> dict[str, str]:
    return {"job": "gateway", "namespace": workload.namespace, "service": workload.name}
