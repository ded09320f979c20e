"""The plan of a silence, worked out by reading alone: of alerts, of matchers, or of one that is to be changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.alerts.expiring import undo_line
from services.alerts.listing import clock_time
from services.alerts.lookup import find_alert
from services.alerts.matchers import format_matcher, label_test, looks_like_matcher, parse_matchers
from services.alerts.model import ACK_PREFIX, SILENCE, Alert, Matcher, Silence, SilenceDraft, SilenceState
from services.alerts.muting import (
    PAGER_STAYS,
    SKEW,
    Where,
    already_silenced,
    check_duration,
    count_alerts,
    ends_of,
    hits_of,
    mute_data,
    mute_plan,
    verification,
)
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow
from services.safety.actor import Actor
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Target
from services.vocabulary.durations import format_duration
from services.vocabulary.errors import Conflict, ConsoleError, NotFound, SourceError
from services.vocabulary.nearest import nearest

_BROAD_FROM = 20
"""Fewer alerts at once are never called too many: the plan names them, and asks."""
_MOST_VALUES = 50
"""A label of which several alerts have more values than this is left out, as if they had nothing of it in common."""
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to be silenced.

    Attributes:
        words: ids of alerts, and matchers; a matcher takes the place of what the alerts say of its label.
        comment: why (raw); empty only where a silence is changed.
        lasting: how long from now; None where ``until`` says it, or the end stays.
        until: when it ends (UTC); None likewise.
        without: labels to leave out.
        cluster: which Alertmanager; empty where the alerts, or there being one alone, tell.
        edit: ``cluster/id`` of the silence that is changed; empty for a new one.
        anyway: though it mutes very much, or nothing.
    """

    words: tuple[str, ...] = ()
    comment: str = ""
    lasting: timedelta | None = None
    until: datetime | None = None
    without: tuple[str, ...] = ()
    cluster: str = ""
    edit: str = ""
    anyway: bool = False


async def plan_silence(needs: AlertsNeeds, actor: Actor, wanted: Wanted) -> Plan:
    """Silence what ``wanted`` says.

    Raises:
        ConsoleError: no such alert, alerts of several clusters, a label they do not have, no matcher left, an end or a
            comment that cannot be, nothing to write to, or far too much or nothing at all that would be muted.
        SourceError: the cluster's silences cannot be read.
    """
    now, at = await needs.current(), needs.clock.now()
    before = await _edited(needs, wanted.edit, at) if wanted.edit else None
    alerts, given = _read(now, wanted.words)
    cluster = _cluster(needs, now, wanted, alerts, given, before)
    reader, writer = ends_of(needs, cluster)
    matchers = _matchers(wanted, alerts, given, before)
    ends_at = _end(wanted, before, at)
    comment = wanted.comment or (before.comment if before is not None else "")
    if not comment.strip():
        raise ConsoleError("a silence needs a comment", 'say why, for whoever finds it: --comment "…"')
    draft = SilenceDraft(matchers, at - SKEW, ends_at, actor.operator, comment)
    keeps_id = before is not None and set(before.matchers) == set(matchers)
    if before is not None:
        # Alertmanager keeps the id only for the same matchers in the same order and the same onset.
        started = before.starts_at if keeps_id else at - SKEW
        same = before.matchers if keeps_id else matchers
        draft = SilenceDraft(same, started, ends_at, actor.operator, comment, before.id)
    hits = hits_of(now, cluster, matchers)
    count = len(hits)
    warnings = _broad(now, cluster, hits, wanted)
    lately = await _lately(needs, now, cluster, matchers, hits, wanted)
    environment = next((one.environment for one in now.alerts if one.cluster == cluster), reader.environment)
    name = ", ".join(format_matcher(one) for one in matchers)
    targets = tuple(Target("alert", one.id, environment) for one in alerts)
    place = Where(cluster, environment, targets or (Target("matchers", f"{cluster}: {name}", environment),))
    write, until = writer.one_write(), clock_time(ends_at, at)

    async def apply(permit: WritePermit) -> Applied:
        silence_id = await write.create_silence(permit, draft, action=SILENCE, target=place.targets[0].name)
        needs.written(cluster)
        changed = before is not None and silence_id != before.id
        more = f"; it is {silence_id} now, and {before.id} has ended" if changed and before is not None else ""
        return Applied(
            f"{count_alerts(count)} of {cluster} silenced in Alertmanager until {until}{more}; {PAGER_STAYS}",
            {
                **_first(alerts),
                **mute_data(now, place, draft, silence_id, prolonged=before is not None and not changed),
            },
            "" if changed else undo_line(cluster, silence_id, draft, before),
        )

    mutes = {silence.id: silence for one in alerts for silence in one.silences}.values()
    there = [one for one in mutes if not one.is_ack and one.ends_at > at and (before is None or one.id != before.id)]
    same_ones = [one for one in there if set(one.matchers) == set(matchers)]
    warnings += [f"{already_silenced(one, at)}: {one.comment}" for one in there if one not in same_ones]
    if comment.startswith(ACK_PREFIX):
        warnings.append(f"a comment that begins with {ACK_PREFIX} makes it an acknowledgement for this and other tools")
    verb = "silences" if before is None else f"changes silence {before.id}, which then mutes"
    plan = mute_plan(
        needs,
        now,
        place,
        draft,
        action=SILENCE,
        summary=f"{verb} {count_alerts(count)} of {cluster} for {format_duration(_rounded(ends_at - at))} as "
        f"{actor.operator}; expires {until}",
        apply=apply,
        already=[f"{already_silenced(one, at)}, with the same matchers" for one in same_ones],
    )
    preview = (*plan.preview, *lately)
    if before is not None and not keeps_id:
        preview = (*preview, f"other matchers make another silence: {before.id} ends, and a new id takes its place")
    return replace(
        plan,
        preview=preview,
        warnings=(*plan.warnings, *warnings),
        prepare=write.choose,
        verify=verification(write, draft),
        reversible=before is None or keeps_id,
    )


def common_matchers(alerts: Sequence[Alert], without: Sequence[str] = ()) -> tuple[Matcher, ...]:
    """Matchers that match all of ``alerts``, and as little else as labels can say.

    An equality for each label whose value they share, a regular expression of all values for one in which they differ;
    a label that one of them lacks is left out, and so is one with more than fifty values.
    """
    names = set.intersection(*(set(one.labels) for one in alerts)) - set(without)
    found = []
    for name in sorted(names):
        values = sorted({one.labels[name] for one in alerts})
        if len(values) == 1:
            found.append(Matcher(name, values[0]))
        elif len(values) <= _MOST_VALUES:
            found.append(Matcher(name, "|".join(_META.sub(r"\\\g<0>", one) for one in values), is_regex=True))
    return tuple(found)


def _read(now: AlertsNow, words: Sequence[str]) -> tuple[list[Alert], tuple[Matcher, ...]]:
    """The alerts that words mean, each once, and the matchers among the words."""
    alerts: dict[str, Alert] = {}
    matchers: list[Matcher] = []
    for word in words:
        if looks_like_matcher(word):
            matchers += parse_matchers(word)
        else:
            alert = find_alert(now, word)
            alerts[alert.id] = alert
    return list(alerts.values()), tuple(matchers)


def _cluster(
    needs: AlertsNeeds,
    now: AlertsNow,
    wanted: Wanted,
    alerts: Sequence[Alert],
    given: tuple[Matcher, ...],
    before: Silence | None,
) -> str:
    named = {one.cluster for one in alerts} | ({before.cluster} if before is not None else set())
    named |= {wanted.cluster} if wanted.cluster else set()
    if len(named) > 1:
        raise ConsoleError(
            f"they are of several clusters: {', '.join(sorted(named))}", "silence those of one at a time"
        )
    if named:
        return named.pop()
    if len(needs.writers) == 1:
        return next(iter(needs.writers))
    if not given:
        raise ConsoleError("what shall be silenced?", "name alerts by their ids, or write matchers: severity=warning")
    test = label_test(given)
    hit = {one.cluster for one in now.alerts if test(one.labels)}
    if len(hit) == 1:
        return hit.pop()
    raise ConsoleError("in which cluster?", f"write --cluster with one of {', '.join(needs.writers)}")


def _matchers(
    wanted: Wanted, alerts: Sequence[Alert], given: tuple[Matcher, ...], before: Silence | None
) -> tuple[Matcher, ...]:
    for name in wanted.without:
        if not any(name in one.labels for one in alerts):
            has = ", ".join(sorted({label for one in alerts for label in one.labels})) or "no alert is named"
            raise ConsoleError(f"--without {name}: the alert has no such label", f"it has {has}")
    if not alerts and not given and before is not None:
        return before.matchers
    own = {one.name for one in given}
    said = [one for one in common_matchers(alerts, wanted.without) if one.name not in own] if alerts else []
    found = (*said, *given)
    if not found:
        raise ConsoleError("without any label the silence would mute everything", "leave at least one label in")
    if all(label_test((one,))({}) for one in found):
        raise ConsoleError(
            "these matchers match alerts without any label, so they would mute everything",
            "Alertmanager wants one that does not, such as severity=warning",
        )
    return found


def _end(wanted: Wanted, before: Silence | None, at: datetime) -> datetime:
    if wanted.lasting is not None and wanted.until is not None:
        raise ConsoleError("--for and --until both say when it ends", "write one of them")
    if wanted.lasting is not None:
        check_duration(wanted.lasting)
        return at + wanted.lasting
    if wanted.until is not None:
        if wanted.until <= at:
            raise ConsoleError("--until has passed already", "write a later time, such as +2h")
        check_duration(wanted.until - at)
        return wanted.until
    if before is not None:
        return before.ends_at
    raise ConsoleError("how long?", "write --for 1h, or --until 18:00")


async def _edited(needs: AlertsNeeds, name: str, at: datetime) -> Silence:
    cluster, _, silence_id = name.rpartition("/")
    if not cluster and len(needs.readers) == 1:
        cluster = next(iter(needs.readers))
    reader = needs.readers.get(cluster)
    found = None if reader is None else await reader.silence(silence_id)
    if found is None:
        raise NotFound(f"there is no silence {name}", "/alerts silences lists them, with cluster/id")
    if found.state is SilenceState.EXPIRED or found.ends_at <= at:
        raise Conflict(f"silence {name} has ended", "make a new one")
    if found.is_ack:
        raise ConsoleError(f"{name} is an acknowledgement", "/alerts ack prolongs it or hands it over")
    return found


def _broad(now: AlertsNow, cluster: str, hits: Sequence[Alert], wanted: Wanted) -> list[str]:
    total = sum(one.cluster == cluster for one in now.alerts)
    if len(hits) < _BROAD_FROM or 2 * len(hits) < total:
        return []
    words = f"it would mute {len(hits)} of the {total} alerts of {cluster}"
    if not wanted.anyway:
        raise ConsoleError(words, "add matchers until it mutes what you mean, or --anyway")
    return [words]


async def _lately(
    needs: AlertsNeeds,
    now: AlertsNow,
    cluster: str,
    matchers: Sequence[Matcher],
    hits: Sequence[Alert],
    wanted: Wanted,
) -> list[str]:
    """What it would have muted during the last day; refuses where that is nothing, and nothing now."""
    try:
        recent = await needs.fired(cluster, DAY) if needs.fired is not None else None
    except SourceError as error:
        return [f"what fired during the last day cannot be read: {error}"]
    if recent is None:
        return []
    names = {name for labels in recent for name in labels}
    known = {name for one in now.alerts if one.cluster == cluster for name in one.labels} | names
    # External labels are added on the way to Alertmanager: nothing can be said of them here.
    tested = [one for one in matchers if one.name in names or one.name not in known]
    test = label_test(tested) if tested else None
    count = len(recent) if test is None else sum(test(labels) for labels in recent)
    if hits or count:
        return [f"during the last day it would have muted {count_alerts(count)}"]
    unknown = next((one.name for one in matchers if one.name not in known), "")
    words = "it mutes nothing now, and would have muted nothing during the last day"
    if wanted.anyway:
        return [words]
    hint = "if it is meant for what comes, add --anyway"
    if unknown:
        near = nearest(unknown, known)
        hint = f"no alert has a label {unknown!r}{f'; did you mean {near}?' if near else ''}: mend it, or add --anyway"
    raise ConsoleError(words, hint)


def _first(alerts: Sequence[Alert]) -> Mapping[str, object]:
    return {"fingerprint": alerts[0].fingerprint, "name": alerts[0].name} if len(alerts) == 1 else {}


def _rounded(lasting: timedelta) -> timedelta:
    return timedelta(seconds=round(lasting.total_seconds()))
