"""The Prometheus reader and the plot of an alert, against answers of every kind."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from services.alerts.model import Alert
from services.http import HttpSettings, ReadClient
from services.metrics.model import AlertPlot, BuildInfo, Sample, Series
from services.metrics.plot import plot_of
from services.metrics.prometheus import PrometheusReader
from services.vocabulary.errors import ConsoleError, FailureKind, SourceError
from services.vocabulary.plot import Unit
from tests.support.clock import EPOCH, ManualClock
from tests.support.wire import Answer, HttpDouble, http_double

NOW = EPOCH.timestamp()
HOUR = timedelta(hours=1)


def says(body: Any, status: int = 200, content_type: str = "application/json") -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(text=text, status=status, content_type=content_type)

    return answer


def success(kind: str, result: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def error(kind: str, message: str) -> dict[str, Any]:
    return {"status": "error", "errorType": kind, "error": message}


@asynccontextmanager
async def reading(answer: Answer, **how: Any) -> AsyncIterator[tuple[PrometheusReader, HttpDouble]]:
    async with http_double(answer) as double:
        client = ReadClient(HttpSettings("prometheus", double.url, **how))
        try:
            yield PrometheusReader(client), double
        finally:
            await client.close()


async def failure(answer: Answer, **how: Any) -> SourceError:
    async with reading(answer, **how) as (reader, _):
        with pytest.raises(SourceError) as caught:
            await reader.query("up")
    return caught.value


async def range_failure(answer: Answer) -> SourceError:
    async with reading(answer) as (reader, _):
        with pytest.raises(SourceError) as caught:
            await reader.query_range("up", EPOCH - HOUR, EPOCH, 60)
    return caught.value


async def test_a_vector() -> None:
    result = [
        {"metric": {"job": "api", "__name__": "up"}, "value": [1435781451.781, "1"]},
        {"metric": {}, "value": [1435781451, "-Inf"]},
    ]
    async with reading(says(success("vector", result))) as (reader, double):
        answer = await reader.query("up + on() x", EPOCH)
    assert answer.samples == (
        Sample((("__name__", "up"), ("job", "api")), 1435781451.781, 1.0),
        Sample((), 1435781451.0, -math.inf),
    )
    assert answer.partial == ()
    asked = double.requests[0][0]
    assert (asked.method, asked.path) == ("GET", "/api/v1/query")
    assert dict(asked.query) == {"query": "up + on() x", "time": f"{NOW:.3f}", "timeout": "9000ms"}


async def test_the_servers_own_now() -> None:
    async with reading(says(success("vector", []))) as (reader, double):
        await reader.query("up")
    assert "time" not in double.requests[0][0].query


@pytest.mark.parametrize(
    ("text", "value"), [("1e+00", 1.0), ("NaN", math.nan), ("+Inf", math.inf), ("0", 0.0), ("-1.5e-300", -1.5e-300)]
)
async def test_values_are_texts(text: str, value: float) -> None:
    async with reading(says(success("scalar", [NOW, text]))) as (reader, _):
        (sample,) = (await reader.query("1")).samples
    assert sample.labels == ()
    assert sample.value == pytest.approx(value, nan_ok=True)


async def test_a_matrix() -> None:
    values = [[NOW - 120, "1"], [NOW - 60, "NaN"], [NOW, "+Inf"]]
    async with reading(says(success("matrix", [{"metric": {"b": "2", "a": "1"}, "values": values}]))) as (
        reader,
        double,
    ):
        answer = await reader.query_range("rate(x[5m])", EPOCH - HOUR, EPOCH, 60)
    (series,) = answer.series
    assert series.labels == (("a", "1"), ("b", "2"))
    assert series.times == (NOW - 120, NOW - 60, NOW)
    assert series.values == pytest.approx((1.0, math.nan, math.inf), nan_ok=True)
    asked = double.requests[0][0]
    assert (asked.method, asked.path) == ("GET", "/api/v1/query_range")
    assert dict(asked.query) == {
        "query": "rate(x[5m])",
        "start": f"{NOW - 3600:.3f}",
        "end": f"{NOW:.3f}",
        "step": "60.0",
        "timeout": "9000ms",
    }


async def test_raw_labels() -> None:
    hostile = {"a": '"}},{"metric":{', "b": "\u202e\x1b[31m\n", "c.d": "]"}
    async with reading(says(success("vector", [{"metric": hostile, "value": [1, "1"]}]))) as (reader, _):
        (sample,) = (await reader.query("up")).samples
    assert dict(sample.labels) == hostile


async def test_missing_and_unknown_keys() -> None:
    body = {"data": {"result": None, "resultType": "vector", "stats": {}}, "status": "success", "new": [1]}
    async with reading(says(body)) as (reader, _):
        assert (await reader.query("up")).samples == ()


async def test_warnings_and_infos_make_it_partial() -> None:
    body = success("vector", [], warnings=["store gateway down"], infos=["metric might not be a counter"])
    async with reading(says(body)) as (reader, _):
        answer = await reader.query("up")
    assert answer.partial == ("store gateway down", "metric might not be a counter")


async def test_native_histograms_are_skipped_with_a_word() -> None:
    histogram = {"count": "1", "sum": "2", "buckets": [[0, "1", "2", "1"]]}
    vector = success(
        "vector",
        [{"metric": {"a": "h"}, "histogram": [1, histogram]}, {"metric": {"a": "n"}, "value": [1, "1"]}],
    )
    async with reading(says(vector)) as (reader, _):
        answer = await reader.query("x")
    assert [sample.labels for sample in answer.samples] == [(("a", "n"),)]
    assert "1 series hold native histograms" in answer.partial[0]
    matrix = success(
        "matrix",
        [
            {"metric": {"a": "h"}, "histograms": [[1, histogram]]},
            {"metric": {"a": "both"}, "values": [[1, "1"]], "histograms": [[2, histogram]]},
        ],
    )
    async with reading(says(matrix)) as (reader, _):
        ranged = await reader.query_range("x", EPOCH - HOUR, EPOCH, 60)
    assert [series.labels for series in ranged.series] == [(("a", "both"),)]
    assert "2 series hold native histograms" in ranged.partial[0]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, error("bad_data", "1:4: parse error: unexpected end"), FailureKind.REJECTED, "1:4: parse error"),
        (422, error("execution", "many-to-many matching not allowed"), FailureKind.REJECTED, "many-to-many"),
        (404, error("not_found", "no such thing"), FailureKind.REJECTED, "no such thing"),
        (499, error("canceled", "query was canceled"), FailureKind.REJECTED, "query was canceled"),
        (500, error("internal", "disk is gone"), FailureKind.SERVER, "disk is gone"),
        (503, error("timeout", "query timed out in expression evaluation"), FailureKind.TIMEOUT, "query timed out"),
        (401, "who are you", FailureKind.DENIED, "who are you"),
        (200, error("execution", "behind a gateway"), FailureKind.REJECTED, "behind a gateway"),
    ],
)
async def test_errors_keep_the_servers_words(status: int, body: Any, kind: FailureKind, words: str) -> None:
    caught = await failure(says(body, status))
    assert caught.kind is kind
    assert words in caught.message
    assert caught.message.startswith("prometheus")
    assert caught.status == (None if status == 200 else status)


async def test_a_server_that_starts_answers_in_plain_text() -> None:
    caught = await failure(says("Service Unavailable", 503, "text/plain"))
    assert caught.kind is FailureKind.SERVER
    assert "Service Unavailable" in caught.message
    assert caught.hint == "it is starting or stopping"


BROKEN = [
    "",
    "[]",
    "null",
    "hello",
    '{"status":"success"',
    {"status": "success"},
    {"status": "success", "data": None},
    {"status": "success", "data": []},
    {"status": "success", "data": {"result": []}},
    {"data": {}},
]


@pytest.mark.parametrize("body", BROKEN, ids=str)
async def test_what_is_no_envelope(body: Any) -> None:
    for caught in (await failure(says(body)), await range_failure(says(body))):
        assert caught.kind is FailureKind.MALFORMED
        assert "not what Prometheus says" in caught.message


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"metric": {}},
        {"metric": {}, "value": [1, 1.0]},
        {"metric": {}, "value": [1, "one"]},
        {"metric": {}, "value": ["1", "1"]},
        {"metric": {}, "value": [1]},
        {"metric": {"a": 1}, "value": [1, "1"]},
        {"value": [1, "1"]},
        [1, "1"],
    ],
    ids=str,
)
async def test_what_is_no_sample(item: Any) -> None:
    assert (await failure(says(success("vector", [item])))).kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "item",
    [
        {"metric": {}},
        {"metric": {}, "values": [[1, "one"]]},
        {"metric": {}, "values": [[1, 1]]},
        {"metric": {}, "values": [[2, "1"], [1, "1"]]},
        {"metric": {}, "values": [[1, "1"], [1, "1"]]},
        {"metric": {}, "values": "none"},
    ],
    ids=str,
)
async def test_what_is_no_series(item: Any) -> None:
    assert (await range_failure(says(success("matrix", [item])))).kind is FailureKind.MALFORMED


@pytest.mark.parametrize("result", [[], [1], ["1", "1"], [1, 1], [1, "x"], [1, "1", 2]], ids=str)
async def test_what_is_no_scalar(result: Any) -> None:
    assert (await failure(says(success("scalar", result)))).kind is FailureKind.MALFORMED


async def test_bytes_that_are_no_text() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        raw = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"\xff"},"value":[1,"1"]}]}}'
        return web.Response(body=raw, content_type="application/json")

    assert (await failure(answer)).kind is FailureKind.MALFORMED


@pytest.mark.parametrize(("kind", "words"), [("matrix", "ranges"), ("string", "a text"), ("tensor", "tensor")])
async def test_results_of_another_type(kind: str, words: str) -> None:
    caught = await failure(says(success(kind, [])))
    assert caught.kind is FailureKind.REJECTED
    assert words in caught.message


async def test_too_large() -> None:
    caught = await failure(says(success("vector", [], warnings=["x" * (33 * 1024 * 1024)])))
    assert caught.kind is FailureKind.TOO_LARGE
    assert "larger than 32 MB" in caught.message


async def test_a_range_with_too_many_points_is_not_asked_for() -> None:
    async with reading(says(success("matrix", []))) as (reader, double):
        with pytest.raises(ConsoleError, match=r"86,400 points a series, and Prometheus answers at most 11,000"):
            await reader.query_range("up", EPOCH - timedelta(days=1), EPOCH, 1)
        for start, step in ((EPOCH + HOUR, 60), (EPOCH - HOUR, 0), (EPOCH - HOUR, -1)):
            with pytest.raises(ConsoleError, match="step is above 0"):
                await reader.query_range("up", start, EPOCH, step)
        assert double.requests == []
        await reader.query_range("up", EPOCH - timedelta(seconds=11_000), EPOCH, 1)
        assert len(double.requests) == 1


async def test_a_large_answer_leaves_the_loop_its_turns() -> None:
    values = [[NOW + number, str(number / 7)] for number in range(200)]
    body = json.dumps(success("matrix", [{"metric": {"n": str(number)}, "values": values} for number in range(1000)]))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with reading(says(body)) as (reader, _):
        from services.metrics.wire import range_answer

        counting = asyncio.create_task(count())
        answer = await range_answer(body.encode(), reader.source)
        counting.cancel()
    assert len(answer.series) == 1000
    assert turns > 50


async def test_build_information() -> None:
    body = {"status": "success", "data": {"version": "2.42.0", "revision": "abc", "goVersion": "go1.19"}}
    async with reading(says(body)) as (reader, double):
        assert await reader.buildinfo() == BuildInfo("2.42.0", "abc")
    assert double.requests[0][0].path == "/api/v1/status/buildinfo"


async def test_build_information_of_something_else() -> None:
    async with reading(says({"status": "success", "data": {}})) as (reader, _):
        with pytest.raises(SourceError, match="not what Prometheus says"):
            await reader.buildinfo()


# The plot of an alert.

Labels = Mapping[str, str]
Vector = list[tuple[Labels, float]]


def alert(url: str, onset: datetime = EPOCH - HOUR, **labels: str) -> Alert:
    return Alert(
        cluster="prod",
        environment="prod",
        fingerprint="1",
        labels={"alertname": "Errors", "severity": "page", "job": "api", **labels},
        annotations={},
        starts_at=onset,
        generator_url=url,
    )


def asks(expression: str) -> str:
    from urllib.parse import quote_plus

    return f"http://prometheus.invalid:9090/graph?g0.expr={quote_plus(expression)}&g0.tab=1"


def server(instant: Callable[[str, float | None], Vector], ranged: Callable[[str], Vector], **more: Any) -> Answer:
    """Answers by expression; a series has the value of its row at every quarter of an hour."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        query = request.query["query"]
        if request.path.endswith("_range"):
            end = float(request.query["end"])
            rows: list[dict[str, Any]] = [
                {"metric": dict(labels), "values": [[end - 900, "0"], [end, str(value)]]}
                for labels, value in ranged(query)
            ]
            return web.json_response(success("matrix", rows, **more))
        time = request.query.get("time")
        rows = [
            {"metric": dict(labels), "value": [NOW, str(value)]}
            for labels, value in instant(query, None if time is None else float(time))
        ]
        return web.json_response(success("vector", rows))

    return answer


async def plotted(answer: Answer, of: Alert, points: int = 100) -> tuple[AlertPlot, list[str]]:
    async with reading(answer) as (reader, double):
        plot = await plot_of(of, reader, ManualClock(), points)
        return plot, [request.query["query"] for request, _ in double.requests]


async def test_a_plot() -> None:
    row = ({"job": "api", "pod": "p1"}, 0.3)
    answer = server(lambda query, time: [row], lambda query: [row])
    plot, asked = await plotted(answer, alert(asks("rate(errors_total[5m]) / rate(all_total[5m]) > 0.2"), pod="p1"))
    assert asked[0] == "rate(errors_total[5m]) / rate(all_total[5m]) > 0.2"
    assert asked[1].startswith("(\nrate(errors_total[5m]) / rate(all_total[5m])\n) and on (job, pod) (label_replace(")
    assert len(asked) == 2
    assert plot == AlertPlot(
        expression="rate(errors_total[5m]) / rate(all_total[5m])",
        series=(Series((("job", "api"), ("pod", "p1")), (NOW - 900, NOW), (0.0, 0.3)),),
        step=49.0,
        start=EPOCH - timedelta(seconds=49 * 98),
        end=EPOCH,
        threshold=0.2,
        operator=">",
        onset=EPOCH - HOUR,
        unit=Unit.RATIO,
        note="",
    )


async def test_an_alert_without_its_rule() -> None:
    async with reading(says(success("vector", []))) as (reader, double):
        with pytest.raises(ConsoleError, match=r"no g0\.expr"):
            await plot_of(alert("http://somewhere.invalid/"), reader, ManualClock(), 100)
        assert double.requests == []


async def test_the_rule_that_no_longer_fires_is_looked_for_at_the_onset() -> None:
    onset = EPOCH - HOUR
    row = ({"job": "api"}, 0.1)
    moments = []

    def instant(query: str, time: float | None) -> Vector:
        moments.append(time)
        return [row] if time is not None else []

    plot, asked = await plotted(server(instant, lambda query: [row]), alert(asks("x > 0.2")))
    assert moments == [None, onset.timestamp()]
    assert "and on (job)" in asked[-1]
    assert plot.note == ""


async def test_where_nothing_fired_every_series_is_held_against_the_alert() -> None:
    rows: Vector = [({"job": "web"}, 9), ({"job": "api"}, 1)]
    plot, asked = await plotted(server(lambda query, time: [], lambda query: rows), alert(asks("x > 0.2")))
    assert asked == ["x > 0.2", "x > 0.2", "x"]
    assert [series.labels for series in plot.series] == [(("job", "api"),)]
    assert plot.note == ""


async def test_where_the_narrowed_question_finds_nothing_every_series_is_read() -> None:
    row = ({"job": "api", "pod": "p"}, 3)
    answer = server(lambda query, time: [row], lambda query: [] if "and on" in query else [({"job": "api"}, 3)])
    plot, asked = await plotted(answer, alert(asks("a and on (job) (b > 2)"), pod="p"))
    assert asked[-1] == "b"
    assert [series.labels for series in plot.series] == [(("job", "api"),)]
    assert plot.note == "the rule has further conditions"


async def test_no_series_with_all_labels() -> None:
    rows: Vector = [({"job": "7", "pod": "p"}, 3), ({"job": "8", "pod": "q"}, 3)]
    plot, _ = await plotted(server(lambda query, time: rows, lambda query: rows[:1]), alert(asks("x > 2"), pod="p"))
    assert [dict(series.labels)["pod"] for series in plot.series] == ["p"]
    assert "no series has all labels of the alert" in plot.note


async def test_no_samples() -> None:
    plot, _ = await plotted(server(lambda query, time: [], lambda query: []), alert(asks("x > 2")))
    assert plot.series == ()
    assert plot.note == "prometheus has no samples of it in this time"


async def test_the_alternative_that_fires_is_drawn() -> None:
    def instant(query: str, time: float | None) -> Vector:
        return [({"job": "api"}, 1)] if query == "absent(up{job='api'})" else []

    answer = server(instant, lambda query: [({"job": "api"}, 1)])
    plot, _ = await plotted(answer, alert(asks("up == 0 or absent(up{job='api'})")))
    assert plot.expression == "absent(up{job='api'})"
    assert (plot.threshold, plot.operator) == (None, "")
    assert plot.note == "the rule has 2 alternatives; drawn is the one that fires"


@pytest.mark.parametrize(
    ("comparison", "worst"), [("> 5", 19.0), (">= 5", 19.0), ("< 5", 0.0), ("== 7", 7.0), ("!= 3", 19.0)]
)
async def test_at_most_twelve_and_the_worst_first(comparison: str, worst: float) -> None:
    rows: Vector = [({"pod": f"p{number}"}, number) for number in range(20)]
    answer = server(lambda query, time: [({}, 1)], lambda query: [*rows, ({"pod": "none"}, math.nan)])
    plot, _ = await plotted(answer, alert(asks(f"x {comparison}")))
    assert len(plot.series) == 12
    assert plot.series[0].values[-1] == worst
    assert all(dict(series.labels)["pod"] != "none" for series in plot.series)
    assert plot.note == "9 more series are left out"


async def test_a_limit_that_is_one_number_now() -> None:
    def instant(query: str, time: float | None) -> Vector:
        limits: Vector = [({"job": "api"}, 80), ({"job": "web"}, 90)]
        return limits if query == "limit * 0.9" else [({"job": "api"}, 100)]

    answer = server(instant, lambda query: [({"job": "api"}, 100)])
    plot, _ = await plotted(answer, alert(asks("used > on (job) (limit * 0.9)")))
    assert (plot.expression, plot.threshold, plot.operator) == ("used", 80, ">")
    assert plot.note == "the threshold is what limit * 0.9 gives now"


@pytest.mark.parametrize("limits", [[], [({"job": "api"}, 1), ({"job": "api"}, 2)], [({}, math.nan)]], ids=str)
async def test_a_limit_that_is_no_number(limits: Vector) -> None:
    answer = server(lambda query, time: limits if query == "b" else [({}, 1)], lambda query: [({}, 1)])
    plot, _ = await plotted(answer, alert(asks("a > b")))
    assert (plot.threshold, plot.operator) == (None, "")
    assert plot.note == "it is compared with b, which gives no single number now"


async def test_a_limit_that_cannot_be_read_does_not_spoil_the_plot() -> None:
    good = server(lambda query, time: [({}, 1)], lambda query: [({}, 1)])

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.query["query"] == "b":
            return web.json_response(error("execution", "out of order"), status=422)
        return await good(request)

    plot, _ = await plotted(answer, alert(asks("a > b")))
    assert len(plot.series) == 1
    assert plot.threshold is None
    assert "out of order" in plot.note


async def test_a_threshold_that_cannot_be_drawn() -> None:
    plot, _ = await plotted(server(lambda query, time: [({}, 1)], lambda query: [({}, 1)]), alert(asks("a < +Inf")))
    assert (plot.threshold, plot.operator) == (None, "")
    assert plot.note == "it is compared with inf"


async def test_warnings_and_an_old_alert_are_told() -> None:
    answer = server(lambda query, time: [({}, 1)], lambda query: [({}, 1)], warnings=["a store is away"])
    plot, _ = await plotted(answer, alert(asks("a > 1"), EPOCH - timedelta(days=3)))
    assert plot.note == "a store is away; it began before what is drawn"
    assert plot.onset is not None
    assert plot.onset < plot.start
    assert plot.start.tzinfo is UTC


async def test_a_source_that_fails() -> None:
    async with reading(says("Service Unavailable", 503, "text/plain")) as (reader, _):
        with pytest.raises(SourceError, match="starting or stopping"):
            await plot_of(alert(asks("a > 1")), reader, ManualClock(), 100)
