"""Plans for an alert that a person makes: to post it, to post it again, and to resolve it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from services.alerts.amtool import alert_line
from services.alerts.kept import KeptAlert
from services.alerts.listing import clock_time
from services.alerts.lookup import find_alert
from services.alerts.model import CREATE, RESOLVE, AlertDraft
from services.alerts.needs import AlertsNeeds
from services.alerts.wire import fingerprint, instant
from services.safety.actor import Actor
from services.safety.permit import WritePermit
from services.safety.plan import Applied, Plan, Risk, Target
from services.vocabulary.durations import format_duration
from services.vocabulary.errors import Conflict, ConsoleError, NotFound, StoreError
from services.vocabulary.quoting import command_line

if TYPE_CHECKING:
    from services.alerts.alertmanager import AlertmanagerWrite
    from services.alerts.kept_repository import KeptRepository

_LONGEST = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class MakingNeeds:
    """What these commands work with.

    Attributes:
        alerts: readers, writers, the time.
        kept: what was made, in the store.
    """

    alerts: AlertsNeeds
    kept: KeptRepository


async def plan_create(
    needs: MakingNeeds,
    actor: Actor,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    duration: timedelta,
    cluster: str = "",
) -> Plan:
    """Post an alert that lasts ``duration``.

    Raises:
        ConsoleError: no cluster or several, or a duration that cannot be.
        Conflict: an alert of these labels fires already.
    """
    if not timedelta(0) < duration <= _LONGEST:
        raise ConsoleError("--for must be longer than nothing and at most 31 days", "write for example --for 1h")
    cluster, environment = _place(needs, cluster)
    at = needs.alerts.clock.now()
    draft = AlertDraft(dict(labels), dict(annotations), at, at + duration)
    number = fingerprint(draft.labels)
    name = f"{cluster}/{number}"
    known = (await needs.alerts.current()).alerts
    if any(one.id == name for one in known):
        raise Conflict(f"an alert of exactly these labels fires already: {name}", "give it another label")
    until = clock_time(draft.ends_at, at)
    write = needs.alerts.writers[cluster].one_write()
    title = draft.labels["alertname"]

    async def apply(permit: WritePermit) -> Applied:
        await write.post_alert(permit, draft, action=CREATE, target=name)
        needs.alerts.written(cluster)
        data = {"id": name, "cluster": cluster, "environment": environment, "ends_at": instant(draft.ends_at)}
        said = f"{title} fires in {cluster} until {until} ({name})"
        try:
            kept = await needs.kept.created(cluster, environment, draft, actor)
        except StoreError as error:
            return Applied(f"{said}; nobody keeps it there, as the store does not: {error}", data)
        return Applied(said, data, command_line("alerts resolve", name, if_match=str(kept)))

    return Plan(
        action=CREATE,
        risk=Risk.WRITE,
        source=f"alertmanager {cluster}",
        environment=environment,
        targets=(Target("alert", name, environment),),
        summary=f"creates {title} in {cluster} for {format_duration(duration)} as {actor.operator}; ends {until}",
        equivalent=alert_line(needs.alerts.writers[cluster].url, draft),
        apply=apply,
        preview=(
            *[f"label {key} = {value}" for key, value in draft.labels.items()],
            *[f"{key}: {value}" for key, value in draft.annotations.items()],
            f"it notifies as its labels are routed; a console posts it again until {until}, even after a restart",
        ),
        verify=_verification(write, draft, fires=True),
        prepare=write.choose,
        reversible=True,
        namespaces=(draft.labels["namespace"],) if "namespace" in draft.labels else None,
    )


def plan_repost(needs: MakingNeeds, kept: KeptAlert) -> Plan:
    """Post a kept alert again, as it was."""
    return _posting(needs, kept, kept.draft(), CREATE, f"{kept.name} is posted again", needs.kept.posted)


async def plan_resolve(needs: MakingNeeds, text: str, mark: str = "") -> Plan:
    """Resolve an alert that a console created.

    Raises:
        ConsoleError: it was not created by a console; says why that matters, and what mutes it.
        NotFound: no alert is meant.
        Conflict: it is not the one that ``mark`` means.
    """
    cluster, slash, prefix = text.rpartition("/")
    open_ones = await needs.kept.alerts()
    found = [
        one
        for one in open_ones
        if prefix and one.fingerprint.startswith(prefix.lower()) and (not slash or one.cluster == cluster)
    ]
    if len(found) > 1:
        raise ConsoleError(f"{text!r} means {', '.join(one.id for one in found)}", "write more of the id")
    if mark and (not found or str(found[0].number) != mark):
        raise Conflict(f"the alert {text} that was made then has ended", "nothing was sent")
    if not found:
        alert = find_alert(await needs.alerts.current(), text)
        raise ConsoleError(
            f"{alert.name or alert.id} was not created by a console: what fires it would fire it again within "
            "seconds, and page twice",
            "mute it until it is mended: " + command_line("alerts silence", alert.id, **{"for": "1h"}, comment="why"),
        )
    kept = found[0]
    if kept.cluster not in needs.alerts.writers:
        raise NotFound(f"there is no cluster {kept.cluster} to write to", "it was created by another configuration")
    draft = kept.draft(max(kept.starts_at, needs.alerts.clock.now()))
    return _posting(needs, kept, draft, RESOLVE, f"{kept.name} of {kept.cluster} is resolved", needs.kept.ended)


def _posting(
    needs: MakingNeeds,
    kept: KeptAlert,
    draft: AlertDraft,
    action: str,
    said: str,
    note: Callable[[int], Awaitable[None]],
) -> Plan:
    write = needs.alerts.writers[kept.cluster].one_write()

    async def apply(permit: WritePermit) -> Applied:
        await write.post_alert(permit, draft, action=action, target=kept.id)
        needs.alerts.written(kept.cluster)
        await note(kept.number)
        return Applied(said, {"id": kept.id, "cluster": kept.cluster, "environment": kept.environment})

    verb = "resolves" if action == RESOLVE else "posts again"
    return Plan(
        action=action,
        risk=Risk.WRITE,
        source=f"alertmanager {kept.cluster}",
        environment=kept.environment,
        targets=(Target("alert", kept.id, kept.environment),),
        summary=f"{verb} {kept.name} of {kept.cluster}, created by {kept.actor.operator}",
        equivalent=alert_line(needs.alerts.writers[kept.cluster].url, draft),
        apply=apply,
        verify=_verification(write, draft, fires=action != RESOLVE),
        prepare=write.choose,
        reversible=action != RESOLVE,
        namespaces=(kept.labels["namespace"],) if "namespace" in kept.labels else None,
    )


def _place(needs: MakingNeeds, cluster: str) -> tuple[str, str]:
    writers = needs.alerts.writers
    if not writers:
        raise ConsoleError("there is no Alertmanager to post to", "configure [[sre.alertmanager]]")
    if cluster and cluster not in writers:
        raise NotFound(f"there is no cluster {cluster!r} to write to", f"there is {', '.join(writers)}")
    if not cluster and len(writers) > 1:
        raise ConsoleError("there are several clusters", f"say --cluster with one of {', '.join(writers)}")
    cluster = cluster or next(iter(writers))
    return cluster, needs.alerts.readers[cluster].environment


def _verification(write: AlertmanagerWrite, draft: AlertDraft, *, fires: bool) -> Callable[[Applied], Awaitable[bool]]:
    """Reads the alert back from the member that took it; resolved ones are not listed any more."""

    async def verify(applied: Applied) -> bool:
        del applied
        ends_at = await write.end_of_alert(draft)
        if ends_at is None:
            return not fires
        return abs(ends_at - draft.ends_at) < timedelta(seconds=1)

    return verify
