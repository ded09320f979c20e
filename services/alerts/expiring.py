"""Plans that end a silence, now or earlier than it would: worked out by reading alone.

This is also how an acknowledgement and a silence are taken back: what was made is ended, and what was prolonged gets
its former end, author and comment again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from services.alerts.amtool import expire_line, silence_line
from services.alerts.listing import clock_time
from services.alerts.matchers import format_matcher, pinned_namespaces
from services.alerts.model import EXPIRE, Matcher, Silence, SilenceDraft, SilenceState
from services.alerts.needs import AlertsNeeds
from services.alerts.wire import instant
from services.safety.actor import Actor
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Confirmation, Plan, Reach, Risk, Target
from services.vocabulary.errors import Conflict, ConsoleError, NotFound, StoreError
from services.vocabulary.quoting import command_line

_MARK = 16


def silence_mark(matchers: Sequence[Matcher], ends_at: datetime, created_by: str, comment: str) -> str:
    """What tells whether a silence is still the one that was written: 16 digits of a SHA-256 over all that counts.

    Not over the onset, which Alertmanager moves to the moment it takes the silence.
    """
    said = [
        sorted([one.name, one.value, one.is_regex, one.is_equal] for one in matchers),
        instant(ends_at),
        created_by,
        comment,
    ]
    return hashlib.sha256(json.dumps(said).encode("ascii")).hexdigest()[:_MARK]


def undo_line(cluster: str, silence_id: str, written: SilenceDraft, before: Silence | None) -> str:
    """The line that takes a written silence back.

    Args:
        cluster: where it is.
        silence_id: what Alertmanager called it.
        written: as it was posted.
        before: what was prolonged; None where the silence is new.
    """
    mark = silence_mark(written.matchers, written.ends_at, written.created_by, written.comment)
    name = f"{cluster}/{silence_id}"
    if before is None or before.id != silence_id:
        return command_line("alerts expire", name, if_match=mark)
    return command_line(
        "alerts expire",
        name,
        at=instant(before.ends_at),
        by=before.created_by,
        comment=before.comment,
        if_match=mark,
    )


async def plan_expire(
    needs: AlertsNeeds,
    actor: Actor,
    name: str,
    *,
    at: datetime | None = None,
    by: str = "",
    comment: str = "",
    mark: str = "",
) -> Plan:
    """End a silence now, or let it end at an earlier time than it has.

    Args:
        needs: readers and writers.
        actor: who asks.
        name: ``cluster/id``.
        at: when it is to end; None, or a time that has passed, for now.
        by: its author from then on; empty leaves the one it has.
        comment: likewise.
        mark: only if it still is the one that :func:`silence_mark` says; empty for whatever it is.

    Raises:
        NotFound: no such cluster or silence.
        Conflict: it has ended, ends earlier anyway, or is not the one that ``mark`` means.
        SourceError: the cluster's silences cannot be read.
    """
    cluster, silence_id = _place(needs, name)
    reader, writer = needs.readers[cluster], needs.writers[cluster]
    silence, now = await reader.silence(silence_id), needs.clock.now()
    if silence is None:
        raise NotFound(f"{cluster} has no silence {silence_id}", "it ended some time ago, or the id is not whole")
    _still_there(silence, now, await _mark_now(needs, cluster, silence_id, mark))
    if at is not None and at > now and at >= silence.ends_at:
        raise Conflict(f"silence {name} ends at {clock_time(silence.ends_at, now)} anyway", "nothing was sent")
    draft = None
    if at is not None and at > now:
        draft = SilenceDraft(
            silence.matchers,
            silence.starts_at,
            at,
            by or silence.created_by,
            comment or silence.comment,
            silence.id,
        )
    known = (await needs.current()).alerts
    muted = [one for one in known if one.cluster == cluster and silence_id in one.silenced_by]
    write = writer.one_write()
    until = "" if draft is None else clock_time(draft.ends_at, now)

    async def apply(permit: WritePermit) -> Applied:
        if draft is None:
            await write.expire_silence(permit, silence_id, target=name)
            left, said = silence_id, f"silence {silence_id} of {cluster} has ended; {_again(len(muted))}"
        else:
            left = await write.create_silence(permit, draft, action=EXPIRE, target=name)
            said = f"silence {left} of {cluster} ends at {until} again"
        needs.written(cluster)
        if needs.kept is not None:
            # A keeper that finds it ended lets it go as well; this only spares it the look.
            with suppress(StoreError):
                await needs.kept.release(cluster, silence_id)
        return Applied(said, {"silence": left, "cluster": cluster, "environment": reader.environment})

    async def verify(applied: Applied) -> bool:
        found = await write.silence(str(applied.data["silence"]))
        if draft is None:
            return found is None or found.state is SilenceState.EXPIRED
        return found is not None and instant(found.ends_at) == instant(draft.ends_at)

    mine = silence.created_by == actor.operator
    what = "ack" if silence.is_ack else "silence"
    whose = "your" if mine else f"{silence.created_by}'s"
    return Plan(
        action=EXPIRE,
        risk=Risk.WRITE,
        source=f"alertmanager {cluster}",
        environment=reader.environment,
        targets=(Target("silence", name, reader.environment),),
        summary=f"ends {whose} {what} on {cluster} {f'at {until}' if draft else 'now'}; {_again(len(muted))}",
        equivalent=expire_line(writer.url, silence_id) if draft is None else silence_line(writer.url, draft),
        apply=apply,
        preview=(
            f"{what} by {silence.created_by} until {clock_time(silence.ends_at, now)}: {silence.comment}",
            "matchers:",
            *[f"  {format_matcher(matcher)}" for matcher in silence.matchers],
        ),
        confirmation=None if mine or mark else Confirmation(f"it is {whose} {what}, not yours"),
        verify=verify,
        prepare=write.choose,
        reach=Reach(len(muted), sum(one.cluster == cluster for one in known), "alerts"),
        namespaces=pinned_namespaces(silence.matchers),
    )


def _place(needs: AlertsNeeds, name: str) -> tuple[str, str]:
    cluster, _, silence_id = name.rpartition("/")
    if not cluster or not silence_id:
        raise ConsoleError(f"{name!r} does not say which silence of which cluster", "write CLUSTER/ID")
    if cluster not in needs.readers or cluster not in needs.writers:
        raise NotFound(f"there is no cluster {cluster} to write to", f"there is {', '.join(needs.writers) or 'none'}")
    return cluster, silence_id


async def _mark_now(needs: AlertsNeeds, cluster: str, silence_id: str, mark: str) -> str:
    """What ``mark`` has become since a console prolonged the ack that it was made for."""
    if mark and needs.kept is not None:
        for ack in await needs.kept.acks():
            if (ack.cluster, ack.silence, ack.mark) == (cluster, silence_id, mark):
                return ack.mark_now
    return mark


def _still_there(silence: Silence, now: datetime, mark: str) -> None:
    if silence.state is SilenceState.EXPIRED:
        raise Conflict(
            f"silence {silence.id} of {silence.cluster} ended at {clock_time(silence.ends_at, now)} already",
            "nothing was sent; there is nothing to end",
        )
    if mark and mark != silence_mark(silence.matchers, silence.ends_at, silence.created_by, silence.comment):
        raise Conflict(
            f"silence {silence.id} of {silence.cluster} was changed meanwhile: it is {silence.created_by}'s until "
            f"{clock_time(silence.ends_at, now)}: {silence.comment}",
            f"nothing was sent; /alerts expire {silence.cluster}/{silence.id} ends it as it is",
        )


def _again(count: int) -> str:
    return "1 alert notifies again" if count == 1 else f"{count} alerts notify again"
