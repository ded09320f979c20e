"""What could stand at the end of a PromQL expression: functions, metrics, labels and their values, from live data."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence

from services.command import Candidate
from services.vocabulary.clock import Clock
from services.vocabulary.errors import SourceError

_NAMES = """
    abs absent absent_over_time avg avg_over_time bottomk ceil changes clamp clamp_max clamp_min count
    count_over_time count_values day_of_month day_of_week day_of_year days_in_month delta deriv exp floor group
    histogram_quantile holt_winters hour idelta increase irate label_join label_replace last_over_time ln log10
    log2 max max_over_time min min_over_time minute month predict_linear present_over_time quantile
    quantile_over_time rate resets round scalar sgn sort sort_desc sqrt stddev stddev_over_time stdvar
    stdvar_over_time sum sum_over_time time timestamp topk vector year
"""
FUNCTIONS = tuple(_NAMES.split())
"""Functions and aggregations of PromQL that every server since Prometheus 2.26 knows (``promql/parser/functions.go``,
``promql/parser/lex.go``)."""

_FRESH = 60.0  # seconds
_VALUE = re.compile(r"""([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$""")
_LABEL = re.compile(r"(?:^|[,{(\s])([a-zA-Z_]\w*)?$")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*$")
_METRIC = re.compile(r"([a-zA-Z_:][\w:]*)\s*$")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*$")

Ask = Callable[[str], Awaitable[Sequence[str]]]


class Vocabulary:
    """Names and values that a server knows, read when they are first asked for and kept for a minute."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        """
        Args:
            ask: reads the values of a label; ``__name__`` gives the metrics and an empty one the labels' names.
            clock: the time.
        """
        self._ask = ask
        self._clock = clock
        self._known: dict[str, tuple[str, ...]] = {}
        self._read_at: dict[str, float] = {}
        self._reading: set[asyncio.Task[None]] = set()

    def values(self, label: str) -> tuple[str, ...]:
        """What is known now; asks for it where that is old."""
        now = self._clock.monotonic()
        if now - self._read_at.get(label, -_FRESH) >= _FRESH:
            self._read_at[label] = now
            # Completion never waits: what is read now is offered at a later key.
            reading = asyncio.get_running_loop().create_task(self._read(label))
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)
        return self._known.get(label, ())

    async def _read(self, label: str) -> None:
        try:
            self._known[label] = tuple(await self._ask(label))
        except SourceError:
            # The command itself will say what is wrong with the source.
            self._known.setdefault(label, ())


class ExpressionOffers:
    """Completion of an expression at its end."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def matching(self, typed: str, limit: int) -> Sequence[Candidate]:
        """The best continuations of ``typed``; each is the whole word anew, up to ``limit`` of them."""
        if (value := _VALUE.search(typed)) and _inside(typed):
            head = typed[: value.start(2)]
            known = self._vocabulary.values(value.group(1))
            return _offers(head, value.group(2), [(f'{_escaped(one)}"', "") for one in known], limit)
        if _open_quote(typed):
            return ()
        if _inside(typed) or _GROUPING.search(typed):
            label = _LABEL.search(typed)
            written = (label.group(1) or "") if label else ""
            after = '="' if _inside(typed) else ""
            names = [(name + after, "label") for name in self._vocabulary.values("") if name != "__name__"]
            return _offers(typed[: len(typed) - len(written)], written, names, limit) if label else ()
        name = _NAME.search(typed)
        written = name.group() if name else ""
        if typed and not written and typed[-1] not in "(,+-*/%^<>=! ":
            return ()
        metrics = [(one, "metric") for one in self._vocabulary.values("__name__")]
        functions = [(f"{one}(", "function") for one in FUNCTIONS]
        return _offers(typed[: len(typed) - len(written)], written, [*metrics, *functions], limit)


def _offers(head: str, written: str, known: Iterable[tuple[str, str]], limit: int) -> list[Candidate]:
    wanted = written.lower()
    begins, holds = list[Candidate](), list[Candidate]()
    for value, hint in known:
        place = value.lower().find(wanted)
        if place == 0:
            begins.append(Candidate(head + value, hint, whole=False))
        elif place > 0 and wanted:
            holds.append(Candidate(head + value, hint, whole=False))
    return [*begins, *holds][:limit]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _open_quote(typed: str) -> bool:
    quoted = False
    skip = False
    for character in typed:
        if skip:
            skip = False
        elif character == "\\":
            skip = True
        elif character == '"':
            quoted = not quoted
    return quoted


def _inside(typed: str) -> bool:
    """Whether the end lies between the braces of a selector."""
    depth, quoted, skip = 0, False, False
    for character in typed:
        if skip:
            skip = False
        elif character == "\\":
            skip = True
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "{}":
            depth += 1 if character == "{" else -1
    return depth > 0
