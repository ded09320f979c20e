"""Buckets, hosts, formats and preconditions of the gateway, without a server."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.address import Address, answered_hosts, exposure_problem, host_name, is_loopback
from services.gateway.circuit import read_if_match, read_toggle
from services.gateway.limits import Buckets
from services.gateway.negotiation import check_accept, check_content_type, check_host
from services.gateway.problem import Problem, problem_response, retry_after
from services.gateway.rates import Rate
from tests.support.clock import ManualClock


def status_of(check: Callable[[], object]) -> int:
    """Of the problem that ends ``check``; 200 where none does."""
    try:
        check()
    except Problem as problem:
        return problem.status
    return 200


@given(
    st.floats(0.1, 1000),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_no_more_pass_than_the_rate_and_the_burst(per_second: float, burst: int, pauses: list[float]) -> None:
    clock = ManualClock()
    buckets, passed, begun = Buckets(Rate(per_second, burst), clock), 0, clock.monotonic()
    for pause in pauses:
        clock.turn(pause)
        wait = buckets.take()
        passed += wait == 0
        assert passed <= burst + (clock.monotonic() - begun) * per_second + 1e-6
        if wait:
            # Whoever waits as long as they are told gets in.
            clock.turn(wait + 1e-6)
            assert buckets.take() == 0
            passed += 1


def test_each_key_has_a_bucket_of_its_own_and_not_for_ever() -> None:
    buckets = Buckets(Rate(0.001, 1), ManualClock())
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0
    for number in range(5000):
        buckets.take(number)
    assert len(buckets._levels) <= 1024


def test_a_clock_that_stands_still_fills_nothing() -> None:
    buckets = Buckets(Rate(10, 3), ManualClock())
    assert [buckets.take() == 0 for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (59.5, "60")])
def test_it_says_whole_seconds(seconds: float, said: str) -> None:
    assert retry_after(seconds) == {"Retry-After": said}


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("localhost.localdomain", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) is local
    assert (exposure_problem(Address(host, 1)) is None) is local
    assert exposure_problem(Address(host, 1, "x.pem", public=True)) is None


def test_an_address_for_all_is_no_name() -> None:
    assert answered_hosts(Address("0.0.0.0", 1), ["A.example"]) == {"localhost", "127.0.0.1", "::1", "a.example"}
    assert "10.0.0.1" in answered_hosts(Address("10.0.0.1", 1), ())


@given(st.text(max_size=40))
def test_any_host_is_either_known_or_refused(text: str) -> None:
    name = host_name(text)
    assert name == name.strip() or not name.isascii()
    status = status_of(lambda: check_host(text, frozenset({"localhost"})))
    assert status == (200 if name == "localhost" else 421)


@given(st.text(max_size=40))
def test_any_format_is_either_taken_or_refused(text: str) -> None:
    assert status_of(lambda: check_accept(text, "application/json")) in (200, 406)
    assert status_of(lambda: check_content_type(text)) in (200, 415)


@given(st.text(max_size=60))
def test_any_if_match_is_tags_or_a_problem(text: str) -> None:
    assert status_of(lambda: read_if_match(text)) in (200, 400, 412)


def test_lists_of_tags_are_read() -> None:
    assert read_if_match('"a", W/"b" ,"c"') == ('"a"', '"c"')
    assert read_if_match(" * ") == ("*",)
    assert read_if_match('""') == ('""',)
    assert read_if_match('"a,b"') == ('"a,b"',)
    with pytest.raises(Problem) as caught:
        read_if_match(None)
    assert caught.value.status == 428


@given(st.binary(max_size=200))
def test_any_body_is_a_request_or_a_problem(body: bytes) -> None:
    assert status_of(lambda: read_toggle(body)) in (200, 400, 422)


@given(st.text(max_size=500))
def test_any_reason_can_open(reason: str) -> None:
    toggle = read_toggle(json.dumps({"action": "open", "reason": reason}, ensure_ascii=False).encode("utf-8", "ignore"))
    assert toggle.action == "open"
    assert toggle.line.startswith("/circuit open")


def test_the_answer_to_a_problem_is_short_and_harmless() -> None:
    response = problem_response(Problem(409, "\x1b[31m" + "x" * 5000, members={"more": 1}))
    assert response.status_code == 409
    assert len(response.body) < 1000
    assert b"\x1b" not in bytes(response.body)
    assert json.loads(bytes(response.body))["more"] == 1
