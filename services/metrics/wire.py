"""What the Prometheus HTTP API v1 sends, and how it becomes the model.

The envelope is skimmed once, which costs about 0.6 ms a megabyte; then its results are decoded one by one, and the
loop gets its turn in between. So even an answer with thousands of series never holds the loop for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from services.metrics.model import BuildInfo, InstantAnswer, Labels, RangeAnswer, Sample, Series
from services.vocabulary.errors import FailureKind, SourceError

T = TypeVar("T")

_PIECE = 64 * 1024  # bytes decoded between two turns of the loop: about 1 ms
_WRONG = (msgspec.DecodeError, ValueError, RecursionError)  # UnicodeDecodeError is a ValueError
_HINT = "check that the URL leads to the API of Prometheus itself"


# "Raw | None" takes nothing but null in msgspec: an empty Raw stands for a missing key.
class _Envelope(msgspec.Struct, gc=False):
    status: str
    data: msgspec.Raw = msgspec.Raw()
    error_type: str | None = msgspec.field(name="errorType", default=None)
    error: str | None = None
    warnings: tuple[str, ...] | None = None
    infos: tuple[str, ...] | None = None


class _Result(msgspec.Struct, gc=False):
    kind: str = msgspec.field(name="resultType")
    result: list[msgspec.Raw] | None = None


class _Vector(msgspec.Struct, gc=False):
    metric: dict[str, str]
    value: tuple[float, str] | None = None
    histogram: msgspec.Raw = msgspec.Raw()


class _Matrix(msgspec.Struct, gc=False):
    metric: dict[str, str]
    values: list[tuple[float, str]] | None = None
    histograms: msgspec.Raw = msgspec.Raw()


class _BuildInfo(msgspec.Struct, gc=False):
    version: str
    revision: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RESULT = msgspec.json.Decoder(_Result)
_VECTOR = msgspec.json.Decoder(_Vector)
_MATRIX = msgspec.json.Decoder(_Matrix)
_SCALAR = msgspec.json.Decoder(float)
_TEXT = msgspec.json.Decoder(str)
_BUILD = msgspec.json.Decoder(_BuildInfo)


async def instant_answer(body: bytes, source: str) -> InstantAnswer:
    """The answer to ``/api/v1/query``: a vector or a scalar.

    Raises:
        SourceError: it is an error, of another type, or not what Prometheus says.
    """
    envelope, data = _envelope(body, source)
    result = decoded(_RESULT, data, source)
    raws = result.result or []
    if result.kind == "scalar":
        return InstantAnswer((_scalar(raws, source),), _partial(envelope, 0))
    if result.kind != "vector":
        raise _unexpected(result.kind, source)
    samples: list[Sample] = []
    histograms = held = 0
    for raw in raws:
        held = await _breathe(held, raw)
        item = decoded(_VECTOR, raw, source)
        histograms += _given(item.histogram)
        if item.value is not None:
            samples.append(Sample(sorted_labels(item.metric), item.value[0], _number(item.value[1], source)))
        elif not _given(item.histogram):
            raise _malformed(source, "a sample has no value")
    return InstantAnswer(tuple(samples), _partial(envelope, histograms))


async def range_answer(body: bytes, source: str) -> RangeAnswer:
    """The answer to ``/api/v1/query_range``.

    Raises:
        SourceError: it is an error, of another type, or not what Prometheus says.
    """
    envelope, data = _envelope(body, source)
    result = decoded(_RESULT, data, source)
    if result.kind != "matrix":
        raise _unexpected(result.kind, source)
    series: list[Series] = []
    histograms = held = 0
    for raw in result.result or []:
        held = await _breathe(held, raw)
        item = decoded(_MATRIX, raw, source)
        histograms += _given(item.histograms)
        if item.values:
            series.append(_series(item.metric, item.values, source))
        elif item.values is None and not _given(item.histograms):
            raise _malformed(source, "a series has no values")
    return RangeAnswer(tuple(series), _partial(envelope, histograms))


def build_info(body: bytes, source: str) -> BuildInfo:
    """The answer to ``/api/v1/status/buildinfo``.

    Raises:
        SourceError: it is not what Prometheus says.
    """
    _, data = _envelope(body, source)
    build = decoded(_BUILD, data, source)
    return BuildInfo(build.version, build.revision or "")


def data_of(body: bytes, source: str) -> msgspec.Raw:
    """What lies in the envelope of a success.

    Raises:
        SourceError: it is an error, or not what Prometheus says.
    """
    return _envelope(body, source)[1]


def partial_of(body: bytes, source: str) -> tuple[str, ...]:
    """What the server says is missing or doubtful (raw).

    Raises:
        SourceError: it is an error, or not what Prometheus says.
    """
    return _partial(_envelope(body, source)[0], 0)


def _envelope(body: bytes, source: str) -> tuple[_Envelope, msgspec.Raw]:
    envelope = decoded(_ENVELOPE, body, source)
    if envelope.status != "success":
        # The API sends errors with a status of their own; a gateway in front of it may not.
        said = f"{envelope.error_type or 'no reason'}: {envelope.error or 'no message'}"
        raise SourceError(FailureKind.REJECTED, f"{source} answered {envelope.status}: {said}")
    if not _given(envelope.data):
        raise _malformed(source, "a success without data")
    return envelope, envelope.data


def _given(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:4]) not in (b"", b"null")


def _scalar(raws: list[msgspec.Raw], source: str) -> Sample:
    if len(raws) != 2:
        raise _malformed(source, "a scalar that is no pair")
    return Sample((), decoded(_SCALAR, raws[0], source), _number(decoded(_TEXT, raws[1], source), source))


def _series(metric: Mapping[str, str], values: list[tuple[float, str]], source: str) -> Series:
    times = tuple([time for time, _ in values])
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise _malformed(source, "samples that are not in the order of time")
    try:
        numbers = tuple([float(text) for _, text in values])
    except ValueError as error:
        raise _malformed(source, str(error)) from error
    return Series(sorted_labels(metric), times, numbers)


def sorted_labels(metric: Mapping[str, str]) -> Labels:
    """As the model keeps them."""
    return tuple(sorted(metric.items()))


def _number(text: str, source: str) -> float:
    try:
        return float(text)  # reads NaN, +Inf and 1e+00 as Go writes them
    except ValueError as error:
        raise _malformed(source, str(error)) from error


def _partial(envelope: _Envelope, histograms: int) -> tuple[str, ...]:
    said = [*(envelope.warnings or ()), *(envelope.infos or ())]
    if histograms:
        said.append(
            f"{histograms} series hold native histograms, which are not read; "
            "histogram_quantile() or histogram_sum() makes numbers of them"
        )
    return tuple(said)


async def _breathe(held: int, raw: msgspec.Raw) -> int:
    """Count the bytes decoded since the loop last had its turn, and give it one where they are many."""
    held += len(memoryview(raw))
    if held < _PIECE:
        return held
    await asyncio.sleep(0)
    return 0


def decoded(decoder: msgspec.json.Decoder[T], raw: Any, source: str) -> T:
    """What a decoder makes of ``raw``.

    Raises:
        SourceError: it is not what Prometheus says.
    """
    try:
        return decoder.decode(raw)
    except _WRONG as error:
        raise _malformed(source, str(error)) from error


def _unexpected(kind: str, source: str) -> SourceError:
    article = {"matrix": "ranges of samples", "string": "a text", "scalar": "a number", "vector": "an instant vector"}
    return SourceError(
        FailureKind.REJECTED, f"{source}: the expression gives {article.get(kind, kind)}, which cannot be used here"
    )


def _malformed(source: str, what: str) -> SourceError:
    return SourceError(FailureKind.MALFORMED, f"{source}: the answer is not what Prometheus says: {what}", _HINT)
