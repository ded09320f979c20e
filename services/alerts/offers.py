"""What completion offers of the alerts. Made so that a keystroke costs little however many alerts there are."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate

import msgspec

from services.alerts.model import Alert, Standing
from services.alerts.naming import FULL, SHORTEST, title, told_apart
from services.command import Candidate
from services.vocabulary.clock import Clock
from services.vocabulary.durations import format_age

AT_ONCE = 1000
"""So many alerts are taken in at once; more go to a thread."""
_FIRST = 200
"""So many of them are offered before that thread has ever been done."""

_log = logging.getLogger(__name__)


class _Lines:
    """Lines that are searched as one text: ten thousand of them in a fraction of a millisecond."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._text = "\n" + "\n".join(lines)
        self._ends = list(accumulate(len(line) + 1 for line in lines))

    def holding(self, wanted: str, limit: int) -> list[int]:
        """The numbers of the first lines that hold ``wanted``; with a line break before it, of those that begin so."""
        found: list[int] = []
        at = self._text.find(wanted)
        while at >= 0 and len(found) < limit:
            number = bisect_right(self._ends, at)
            found.append(number)
            at = self._text.find(wanted, self._ends[number])
        return found


class _Entry(msgspec.Struct, gc=False):
    """One alert: where it stands in the order, its id, and everything a person may type of it."""

    alert: Alert
    order: float
    id: str
    hay: str


class _Index(msgspec.Struct):
    """The alerts of one moment, ready to be searched.

    Attributes:
        alerts: as they were handed in.
        entries: id of the object -> its entry, so that an unchanged alert is not looked at again.
        ordered: the same, best first.
        ids: their ids, and
        hays: what else a person may type of them: texts of one line an alert, in that order.
        length: so many digits of a fingerprint are unique.
        shared: fingerprints that several clusters have.
        labels: the names of their labels, sorted; None as long as nobody asked.
        values: label or facet -> its values and how many alerts have each, of those that were asked for.
    """

    alerts: Sequence[Alert] = ()
    entries: dict[int, _Entry] = {}
    ordered: Sequence[_Entry] = ()
    ids: _Lines = _Lines(())
    hays: _Lines = _Lines(())
    length: int = SHORTEST
    shared: frozenset[str] = frozenset()
    values: dict[str, Sequence[tuple[str, int]]] = {}
    labels: tuple[str, ...] | None = None


class AlertOffers:
    """The ids of the alerts that are known, as completion offers them: what needs a person first.

    It keeps what it worked out as long as the alerts are the same, and looks only at those that changed. Where there
    are many, a thread does so, and until it is done the ones before are offered.
    """

    def __init__(self, latest: Callable[[], Sequence[Alert]], clock: Clock) -> None:
        """
        Args:
            latest: the alerts last seen; quick, and the same objects again for alerts that did not change.
            clock: ages count until its time.
        """
        self._latest = latest
        self._clock = clock
        self._index = _Index()
        self._building: asyncio.Future[_Index] | None = None

    def matching(self, typed: str, limit: int) -> Sequence[Candidate]:
        """The alerts whose id begins with ``typed``, then those in whose name or place it occurs.

        Args:
            typed: as far as the person wrote it.
            limit: the most to return.
        """
        index = self._current()
        wanted = _line(typed)
        found = index.ordered[:limit] if not wanted else _search(index, wanted, limit)
        now = self._clock.now()
        alerts = [entry.alert for entry in found]
        told = told_apart(alerts, alerts)
        return [
            _candidate(index, entry.alert, words, now, qualified="/" in wanted)
            for entry, words in zip(found, told, strict=True)
        ]

    def label_names(self) -> tuple[str, ...]:
        """The names of all labels, sorted."""
        index = self._current()
        if index.labels is None:
            names: set[str] = set()
            for alert in index.alerts:
                names.update(alert.labels)
            index.labels = tuple(sorted(names))
        return index.labels

    def label_values(self, name: str) -> Sequence[tuple[str, int]]:
        """The values of one label and how many alerts have each, the most frequent first."""
        index = self._current()
        if name not in index.values:
            every = (one.labels.get(name) for one in index.alerts)
            index.values[name] = _counted([value for value in every if value is not None])
        return index.values[name]

    def facet_values(self, name: str) -> Sequence[tuple[str, int]]:
        """Likewise of ``cluster``, ``environment`` or ``receiver``."""
        index = self._current()
        key = f"@{name}"
        if key not in index.values:
            every = [getattr(one, name) for one in index.alerts] if name != "receiver" else []
            if name == "receiver":
                every = [receiver for one in index.alerts for receiver in one.receivers]
            index.values[key] = _counted(every)
        return index.values[key]

    def _current(self) -> _Index:
        latest = self._latest()
        index = self._index
        # Equal elements are the same objects nearly always, and lists look at that first.
        if len(latest) == len(index.alerts) and list(latest) == list(index.alerts):
            return index
        loop = _running_loop()
        if loop is None or len(latest) <= AT_ONCE:
            self._index = _built(latest, index)
        elif self._building is None:
            if not index.ordered:
                self._index = _built(latest[:_FIRST], index)
            self._building = loop.run_in_executor(None, _built, latest, index)
            self._building.add_done_callback(self._take)
        return self._index

    def _take(self, building: asyncio.Future[_Index]) -> None:
        self._building = None
        if building.cancelled():
            return
        if (error := building.exception()) is not None:
            _log.error("taking in the alerts for completion failed", exc_info=error)
            return
        self._index = building.result()


def _counted(every: Sequence[str]) -> Sequence[tuple[str, int]]:
    return sorted(Counter(every).items(), key=lambda one: (-one[1], one[0]))


def _built(alerts: Sequence[Alert], before: _Index) -> _Index:
    known = before.entries
    ordered = []
    for alert in alerts:
        entry = known.get(id(alert))
        ordered.append(entry if entry is not None and entry.alert is alert else _entry(alert))
    entries = {id(entry.alert): entry for entry in ordered}
    ordered.sort(key=_order)
    holders = Counter([alert.fingerprint for alert in alerts])
    length = SHORTEST
    while length < FULL and len({fingerprint[:length] for fingerprint in holders}) < len(holders):
        length += 1
    shared = frozenset([one for one, count in holders.items() if count > 1]) if len(holders) < len(alerts) else ()
    return _Index(
        list(alerts),
        entries,
        ordered,
        _Lines([entry.id for entry in ordered]),
        _Lines([entry.hay for entry in ordered]),
        length,
        frozenset(shared),
    )


_PLACES = {standing: place for place, standing in enumerate(Standing)}
_SPAN = 1e11  # more seconds than lie between any two onsets


def _entry(alert: Alert) -> _Entry:
    severity = alert.severity
    place = _PLACES[alert.standing] * 10 + severity.rank
    hay = f"{alert.fingerprint} {title(alert)} {severity.word} {alert.environment}"
    order = place * _SPAN - alert.starts_at.timestamp()
    return _Entry(alert, order, _line(f"{alert.cluster}/{alert.fingerprint}"), _line(hay))


def _line(text: str) -> str:
    return text.replace("\n", " ").lower()


def _order(entry: _Entry) -> float:
    return entry.order


def _search(index: _Index, wanted: str, limit: int) -> list[_Entry]:
    if "/" in wanted:
        found = index.ids.holding(f"\n{wanted}", limit)
    else:
        found = index.hays.holding(f"\n{wanted}", limit)
        if len(found) < limit:
            known = set(found)
            found += [one for one in index.hays.holding(wanted, limit + len(found)) if one not in known]
    return [index.ordered[number] for number in found[:limit]]


def _candidate(index: _Index, alert: Alert, words: str, now: datetime, *, qualified: bool) -> Candidate:
    lead = f"{alert.cluster}/" if qualified or alert.fingerprint in index.shared else ""
    age = format_age(now - alert.starts_at)
    hint = f"{words}, {alert.severity.word}, {age}, {alert.environment}"
    return Candidate(lead + alert.fingerprint[: index.length], hint)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
