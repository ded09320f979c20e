"""What is offered at the end of a PromQL expression."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.metrics.completing import ExpressionOffers, Vocabulary
from services.vocabulary.errors import FailureKind, SourceError
from tests.support.clock import ManualClock

KNOWN = {
    "__name__": ("http_requests_total", "http_errors_total", "up"),
    "": ("__name__", "job", "code"),
    "job": ("api", 'we"b\\'),
}


class Server:
    """Knows names; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    async def ask(self, label: str) -> Sequence[str]:
        """The values of a label."""
        self.asked.append(label)
        if self.down:
            raise SourceError(FailureKind.UNREACHABLE, "prometheus: no connection")
        return KNOWN[label]


async def offered(offers: ExpressionOffers, typed: str) -> list[str]:
    """What is offered once the server has answered."""
    offers.matching(typed, 50)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return [one.value for one in offers.matching(typed, 50)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("http", ["http_requests_total", "http_errors_total"]),
        ("sum(rate(http_r", ["sum(rate(http_requests_total"]),
        ("errors", ["http_errors_total"]),
        ("hist", ["histogram_quantile("]),
        ("1+u", ["1+up"]),
        ("up{", ['up{job="', 'up{code="']),
        ("up{j", ['up{job="']),
        ('up{job="', ['up{job="api"', 'up{job="we\\"b\\\\"']),
        ('up{code!="5", job=~"a', ['up{code!="5", job=~"api"']),
        ("by(j", ["by(job"]),
        ('up{job="api"}', []),
        ('label_replace(up, "jo', []),
    ],
)
async def test_continuations(typed: str, first: list[str]) -> None:
    offers = ExpressionOffers(Vocabulary(Server().ask, ManualClock()))
    found = await offered(offers, typed)
    assert found[: len(first)] == first
    assert bool(found) == bool(first)


async def test_names_are_asked_for_once_a_minute() -> None:
    server, clock = Server(), ManualClock()
    offers = ExpressionOffers(Vocabulary(server.ask, clock))
    assert (await offered(offers, "up"))[0] == "up"
    await offered(offers, "http")
    assert server.asked == ["__name__"]
    await clock.advance(61)
    await offered(offers, "up")
    assert server.asked == ["__name__", "__name__"]


async def test_a_server_that_fails_offers_functions_alone() -> None:
    server = Server()
    server.down = True
    offers = ExpressionOffers(Vocabulary(server.ask, ManualClock()))
    assert await offered(offers, "absent") == ["absent(", "absent_over_time("]
