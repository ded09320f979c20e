"""The plan of an acknowledgement, worked out by reading alone, and what it shares with that of a silence.

Alertmanager knows no acknowledgement. The convention that other tools read is a silence of 15 minutes on the alert's
labels whose comment begins with ``ACK!``. It stops notifications; a pager that was notified already stays open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.alerts.amtool import silence_line
from services.alerts.expiring import silence_mark, undo_line
from services.alerts.kept import STEP, KeptAck
from services.alerts.listing import clock_time
from services.alerts.lookup import find_alert
from services.alerts.matchers import exact_matchers, format_matcher, label_test, pinned_namespaces
from services.alerts.model import (
    ACK,
    ACK_PREFIX,
    Alert,
    Matcher,
    Silence,
    SilenceDraft,
    SilenceState,
    default_note,
)
from services.alerts.naming import title, told_apart
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow
from services.alerts.wire import instant
from services.safety.actor import Actor
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Confirmation, Plan, Reach, Risk, Target
from services.vocabulary.durations import format_duration
from services.vocabulary.errors import ConsoleError, NotFound, StoreError

if TYPE_CHECKING:
    from services.alerts.alertmanager import AlertmanagerWrite, AlertmanagerWriter
    from services.alerts.kept_repository import KeptRepository
    from services.alerts.source import AlertSource

LONG = timedelta(hours=24)
"""A longer mute is confirmed."""
_LONGEST = timedelta(days=366)
_LISTED = 10
# A silence that begins in the past begins at once, by the server's clock; so a console whose clock runs ahead of it
# does not make one that is only pending.
SKEW = timedelta(minutes=5)
PAGER_STAYS = "the pager is not acknowledged"


async def plan_ack(
    needs: AlertsNeeds, actor: Actor, text: str, duration: timedelta | None, note: str, to: str = ""
) -> Plan:
    """Acknowledge one alert, or prolong its acknowledgement: the same silence, never a second one.

    Without a ``duration`` it lasts :data:`~services.alerts.kept.STEP` at a time and is kept while the alert fires, at
    most :attr:`~services.alerts.needs.AlertsNeeds.ack_max`. ``to`` is who has it from then on, if not the actor.

    An acknowledgement that lasts longer already is not shortened. Without a note, a prolonged one keeps its comment.

    Raises:
        ConsoleError: no such alert, several of them, a duration that cannot be, or nothing to write to.
        SourceError: the cluster's silences cannot be read.
    """
    keeping = needs.kept if duration is None else None
    duration = duration or min(STEP, needs.ack_max)
    check_duration(duration)
    now, alert = await find(needs, text)
    reader, writer = ends_of(needs, alert.cluster)
    write = writer.one_write()
    at, owner = needs.clock.now(), to or actor.operator
    matchers = exact_matchers(alert.labels)
    before = _acknowledgement(await reader.silences(), matchers, at)
    comment = f"{ACK_PREFIX} {note or default_note(owner)}"
    draft = SilenceDraft(matchers, at - SKEW, at + duration, owner, comment)
    if before is not None:
        # Alertmanager keeps the id only for the same matchers in the same order and the same onset.
        draft = SilenceDraft(
            before.matchers,
            before.starts_at,
            max(at + duration, before.ends_at),
            owner,
            comment if note else before.comment,
            before.id,
        )
    until = clock_time(draft.ends_at, at)
    (told,) = told_apart((alert,), now.alerts)
    verb = "acks" if before is None else "prolongs the ack of"
    if to and before is not None and before.created_by != to:
        verb = f"hands over to {to} the ack of"
    cap = at + needs.ack_max
    lasting = f"; a console prolongs it while the alert fires, until {clock_time(cap, at)} at most" if keeping else ""

    async def apply(permit: WritePermit) -> Applied:
        silence_id = await write.create_silence(permit, draft, action=ACK, target=alert.id)
        needs.written(alert.cluster)
        mark = silence_mark(draft.matchers, draft.ends_at, draft.created_by, draft.comment)
        held = KeptAck(alert.cluster, silence_id, alert.id, at, cap, mark, mark, actor)
        kept = await _keep(needs.kept, held, before, keep=keeping is not None)
        return Applied(
            f"{title(alert)} is muted in Alertmanager until {until}{kept or lasting}; {PAGER_STAYS}",
            {
                **mute_data(
                    now, where(alert), draft, silence_id, prolonged=before is not None and before.id == silence_id
                ),
                "fingerprint": alert.fingerprint,
                "name": alert.name,
            },
            undo_line(alert.cluster, silence_id, draft, before),
        )

    mutes = [silence for silence in alert.silences if not silence.is_ack and silence.ends_at > at]
    already = [f"already acked by {before.created_by} until {clock_time(before.ends_at, at)}"] if before else []
    already += [already_silenced(silence, at) for silence in mutes]
    plan = mute_plan(
        needs,
        now,
        where(alert),
        draft,
        action=ACK,
        summary=f"{verb} {told} for {format_duration(duration)} as {owner}; expires {until}",
        apply=apply,
        already=already,
    )
    return replace(
        plan,
        preview=(*plan.preview, f"Alertmanager stops notifying until {until}{lasting}; {PAGER_STAYS}"),
        prepare=write.choose,
        verify=verification(write, draft),
    )


async def _keep(kept: KeptRepository | None, ack: KeptAck, before: Silence | None, *, keep: bool) -> str:
    """Put down whether the ack is prolonged from now on; what to say where that could not be put down."""
    if kept is None:
        return ""
    try:
        if before is not None:
            await kept.release(before.cluster, before.id)
        if keep:
            await kept.hold(ack)
    except StoreError as error:
        return f"; nobody prolongs it, as the store does not keep it: {error}" if keep else ""
    return ""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a mute goes, and what it is about.

    Attributes:
        cluster: which Alertmanager.
        environment: where that lives.
        targets: what is muted, by name; the permit covers the first.
    """

    cluster: str
    environment: str
    targets: tuple[Target, ...]


def where(alert: Alert) -> Where:
    """Where a mute of one alert goes."""
    return Where(alert.cluster, alert.environment, (Target("alert", alert.id, alert.environment),))


def mute_plan(
    needs: AlertsNeeds,
    now: AlertsNow,
    place: Where,
    draft: SilenceDraft,
    *,
    action: str,
    summary: str,
    apply: Callable[[WritePermit], Awaitable[Applied]],
    already: Sequence[str],
) -> Plan:
    """What both have in common: matchers, the alerts they hit, and when that has to be agreed to.

    ``already`` says what of it is done: nobody means to do it twice without knowing.
    """
    hits = hits_of(now, place.cluster, draft.matchers)
    lasting = draft.ends_at - needs.clock.now()
    reasons = []
    if len(hits) > 1:
        reasons.append(f"mutes {len(hits)} alerts")
    if lasting > LONG:
        reasons.append(f"lasts {format_duration(timedelta(seconds=round(lasting.total_seconds())))}")
    questions = list(already)
    if reasons:
        questions.append(f"{' and '.join(reasons)} in {place.environment} ({place.cluster})")
    warnings = []
    if not hits:
        warnings.append("it hits no alert that is known")
    if (freshness := now.freshness.get(place.cluster)) is not None and not freshness.trusted:
        warnings.append(f"{place.cluster} gave no fresh answer, it may hit others by now: {freshness.reason}")
    listed = hits[:_LISTED]
    shown = [
        f"  {words} ({hit.fingerprint})" for words, hit in zip(told_apart(listed, now.alerts), listed, strict=True)
    ]
    if len(hits) > _LISTED:
        shown.append(f"  and {len(hits) - _LISTED} more")
    return Plan(
        action=action,
        risk=Risk.WRITE,
        source=f"alertmanager {place.cluster}",
        environment=place.environment,
        targets=place.targets,
        summary=summary,
        equivalent=silence_line(needs.writers[place.cluster].url, draft),
        apply=apply,
        preview=(
            "matchers:",
            *[f"  {format_matcher(matcher)}" for matcher in draft.matchers],
            f"hits {count_alerts(len(hits))} of {place.cluster} ({place.environment}) now:",
            *shown,
        ),
        confirmation=Confirmation("; ".join(questions)) if questions else None,
        warnings=tuple(warnings),
        reversible=True,
        reach=Reach(len(hits), sum(one.cluster == place.cluster for one in now.alerts), "alerts"),
        namespaces=pinned_namespaces(draft.matchers),
    )


async def find(needs: AlertsNeeds, text: str) -> tuple[AlertsNow, Alert]:
    """The alert that is meant, among all that is known now."""
    now = await needs.current()
    return now, find_alert(now, text)


def ends_of(needs: AlertsNeeds, cluster: str) -> tuple[AlertSource, AlertmanagerWriter]:
    """How to read and to write silences of a cluster.

    Raises:
        ConsoleError: nothing can be written there.
    """
    reader, writer = needs.readers.get(cluster), needs.writers.get(cluster)
    if reader is not None and writer is None and not reader.source.startswith("alertmanager"):
        hint = "configure the Alertmanager that it tells: [[sre.alertmanager]]"
        raise ConsoleError("Prometheus knows neither acks nor silences", hint)
    if reader is None or writer is None:
        raise NotFound(f"there is nothing to write to for {cluster}", "this view can only read")
    return reader, writer


def check_duration(duration: timedelta) -> None:
    """Raises ConsoleError for a duration that cannot be."""
    if duration <= timedelta(0):
        raise ConsoleError("--for must be longer than nothing", "write for example --for 15m")
    if duration > _LONGEST:
        raise ConsoleError("--for is longer than a year", "change the alert's rule or route instead")


def already_silenced(silence: Silence, at: datetime) -> str:
    """That a silence is there already."""
    return f"already silenced by {silence.created_by} until {clock_time(silence.ends_at, at)}"


def _acknowledgement(silences: Sequence[Silence], matchers: Sequence[Matcher], at: datetime) -> Silence | None:
    """The acknowledgement of exactly these labels that ends last; None where there is none at work."""
    wanted = set(matchers)
    return max(
        (
            silence
            for silence in silences
            if silence.is_ack
            and silence.state is SilenceState.ACTIVE
            and silence.ends_at > at
            and set(silence.matchers) == wanted
        ),
        key=lambda silence: silence.ends_at,
        default=None,
    )


def hits_of(now: AlertsNow, cluster: str, matchers: Sequence[Matcher]) -> list[Alert]:
    """The alerts of a cluster that are known now and that ``matchers`` match."""
    matches = label_test(matchers)
    return [alert for alert in now.alerts if alert.cluster == cluster and matches(alert.labels)]


def count_alerts(count: int) -> str:
    """So many alerts, in words."""
    return "1 alert" if count == 1 else f"{count} alerts"


def mute_data(
    now: AlertsNow, place: Where, draft: SilenceDraft, silence_id: str, *, prolonged: bool = False
) -> dict[str, object]:
    """What became of a mute, for a program."""
    return {
        "silence": silence_id,
        "cluster": place.cluster,
        "environment": place.environment,
        "matchers": [format_matcher(matcher) for matcher in draft.matchers],
        "hits": [hit.id for hit in hits_of(now, place.cluster, draft.matchers)],
        "expires_at": instant(draft.ends_at),
        "prolonged": prolonged,
    }


def verification(write: AlertmanagerWrite, draft: SilenceDraft) -> Callable[[Applied], Awaitable[bool]]:
    """Reads the silence back from the member that took it, and compares it with what was asked for."""

    async def verify(applied: Applied) -> bool:
        silence = await write.silence(str(applied.data["silence"]))
        return (
            silence is not None
            and silence.state is SilenceState.ACTIVE
            and set(silence.matchers) == set(draft.matchers)
            and abs(silence.ends_at - draft.ends_at) < timedelta(seconds=1)
        )

    return verify
