"""``/alerts``: list, acknowledge, silence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from services.alerts import grouped_listing, listing
from services.alerts.expiring import plan_expire
from services.alerts.filter_offers import FilterOffers, SilenceOffers
from services.alerts.filtering import AlertFilter, filter_of_words, parse_filter
from services.alerts.grouping import GroupingKind, Sort, parse_grouping
from services.alerts.heartbeat import absent
from services.alerts.hinting import hint_for
from services.alerts.looking_commands import LOOKING_COMMANDS
from services.alerts.lookup import find_alert
from services.alerts.matcher_text import MatcherError
from services.alerts.matchers import looks_like_matcher, parse_matchers
from services.alerts.model import Alert
from services.alerts.muting import plan_ack
from services.alerts.needs import AlertsNeeds
from services.alerts.now import AlertsNow
from services.alerts.saved_views import find_view
from services.alerts.silencing import Wanted, plan_silence
from services.alerts.view import MUTED_KEY, AlertsView, arrange
from services.command import Arguments, Candidate, Command, Duration, Invocation, Offers, Positional, Result
from services.safety.plan import Plan, Risk
from services.vocabulary.errors import ConsoleError
from services.vocabulary.moment import Moment, resolve
from services.vocabulary.until import parse_until


def _checked(word: str) -> str:
    try:
        filter_of_words((word,))
    except MatcherError as error:
        raise ValueError(str(error)) from None
    return word


def _matcher_or_id(word: str) -> str:
    if looks_like_matcher(word):
        try:
            parse_matchers(word)
        except MatcherError as error:
            raise ValueError(str(error)) from None
    return word


_MatcherOrId = Annotated[str, AfterValidator(_matcher_or_id)]


def _groupable(text: str) -> str:
    if text and parse_grouping(text).kind is GroupingKind.PROBLEM:
        raise ValueError("/alerts correlate lists problems")
    return text


def _said(comment: str) -> str:
    if not comment.strip():
        raise ValueError("a silence needs a comment: say why, for whoever finds it")
    return comment


class ListArguments(Arguments):
    """``/alerts list [matchers…]``."""

    matchers: Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], Positional(rest=True)] = Field(
        (), description='severity=critical, pod=~"web-.*", @age>1h, bare words; all must hold'
    )
    by: Annotated[str, AfterValidator(_groupable)] = Field(
        "", description="put together by labels such as namespace,service, by alertmanager's groups, or alike"
    )
    sort: Sort | None = Field(None, description="what comes first")
    view: str = Field("", description="a saved view: its filter, grouping and sort")


class AckArguments(Arguments):
    """``/alerts ack <id> [--for 15m] [--note …] [--to op-b]``."""

    id: Annotated[str, Positional(selection="alert")] = Field(
        description="fingerprint or a unique beginning of it, with cluster/ before it where two clusters share one"
    )
    for_: Duration | None = Field(
        None, alias="for", description="how long it is muted and no longer; without it, as long as the alert fires"
    )
    note: str = Field("", description="what you are doing about it, for whoever looks next")
    to: str = Field("", description="who has it from now on, if not you")


class SilenceArguments(Arguments):
    """``/alerts silence <id or matcher>… --for 1h --comment "…"``."""

    what: Annotated[
        tuple[Annotated[str, AfterValidator(_matcher_or_id)], ...], Positional(rest=True, selection="alert")
    ] = Field((), description="ids of alerts, matchers such as service=mail, or both: a matcher replaces their label")
    for_: Duration | None = Field(None, alias="for", description="how long it is muted")
    until: str = Field("", description="when it ends, such as '18:00 Europe/Berlin', 2026-12-24T18:00 or +2h")
    comment: Annotated[str, AfterValidator(_said)] | None = Field(None, description="why, for whoever finds it")
    ticket: str = Field("", description="a link or a number that goes into the comment")
    without: tuple[str, ...] = Field((), description="a label to leave out, so that more alerts match")
    cluster: str = Field("", description="where, if there are several")
    edit: str = Field("", description="CLUSTER/ID of a silence that is to be changed")
    anyway: bool = Field(False, description="though it mutes most alerts, or none")


class UnackArguments(Arguments):
    """``/alerts unack [id]``."""

    id: Annotated[str, Positional(selection="alert")] = Field(
        description="fingerprint or a unique beginning of it, with cluster/ before it where two clusters share one"
    )


class ExpireArguments(Arguments):
    """``/alerts expire <silence> [--at TIME] [--by NAME] [--comment "…"] [--if-match MARK]``."""

    silence: Annotated[str, Positional(selection="silence")] = Field(description="CLUSTER/ID of the silence")
    at: Moment | None = Field(None, description="when it is to end, if not now: earlier than it would")
    by: str = Field("", description="its author from then on; with --at")
    comment: str = Field("", description="its comment from then on; with --at")
    if_match: str = Field("", description="only if it is still what this mark says; the console writes it into undo")


async def _list(needs: AlertsNeeds, request: ListArguments, invocation: Invocation) -> Result:
    del invocation
    now = await needs.current()
    at = needs.clock.now()
    chosen = filter_of_words(request.matchers, at)
    saved = find_view(needs.views, request.view) if request.view else None
    if saved is not None:
        chosen = chosen.also(parse_filter(saved.filter, at))
    grouped = await grouped_listing.grouped(needs, now, chosen, saved, request.by, request.sort)
    if grouped is not None:
        return grouped
    view = await asyncio.to_thread(_every_alert, now.alerts, chosen)
    alerts = [row.alert for row in view.rows if row.alert is not None][: chosen.limit]
    hint = hint_for(chosen, now.alerts) if now.alerts and not view.shown else ""
    silent = _silent(needs, now)
    partial = [f"{cluster}: {words}" for cluster, one in now.freshness.items() for words in one.partial]
    return Result(
        listing.sentence(now, view, at, filtered=not chosen.empty),
        data=[listing.data(alert) for alert in alerts],
        table=listing.table(alerts, now.alerts, at),
        lines=(*silent, *([hint] if hint else []), *partial),
        ok=bool(now.freshness) and not now.untrusted and not silent,
    )


def _silent(needs: AlertsNeeds, now: AlertsNow) -> list[str]:
    """Which alerts that must always fire do not, in the clusters that answered."""
    return [
        f"NO HEARTBEAT: {name} does not fire in {cluster}, so alerts may not arrive"
        for cluster, names in needs.must_fire.items()
        if cluster in now.freshness and cluster not in now.untrusted
        for name in absent([alert for alert in now.alerts if alert.cluster == cluster], names)
    ]


def _every_alert(alerts: Iterable[Alert], chosen: AlertFilter) -> AlertsView:
    return arrange(alerts, filter=chosen, grouped=False, expanded=frozenset({MUTED_KEY}))


async def _ack(needs: AlertsNeeds, request: AckArguments, invocation: Invocation) -> Plan:
    return await plan_ack(needs, invocation.actor, request.id, request.for_, request.note, request.to)


async def _silence(needs: AlertsNeeds, request: SilenceArguments, invocation: Invocation) -> Plan:
    comment = request.comment or ""
    if request.ticket.strip():
        comment = f"{comment} (ticket {request.ticket.strip()})".strip()
    try:
        until = parse_until(request.until, needs.clock.now()) if request.until.strip() else None
    except ValueError as error:
        raise ConsoleError(f"--until: {error}") from None
    wanted = Wanted(
        request.what,
        comment,
        request.for_,
        until,
        request.without,
        request.cluster,
        request.edit,
        request.anyway,
    )
    return await plan_silence(needs, invocation.actor, wanted)


async def _unack(needs: AlertsNeeds, request: UnackArguments, invocation: Invocation) -> Plan:
    alert = find_alert(await needs.current(), request.id)
    if alert.ack is None:
        raise ConsoleError(
            f"nobody has acknowledged {alert.name or alert.id}", "/alerts silences lists what mutes what"
        )
    return await plan_expire(needs, invocation.actor, f"{alert.cluster}/{alert.ack.id}")


async def _expire(needs: AlertsNeeds, request: ExpireArguments, invocation: Invocation) -> Plan:
    try:
        at = None if request.at is None else resolve(request.at, needs.clock.now())
    except ValueError as error:
        raise ConsoleError(f"--at: {error}") from None
    return await plan_expire(
        needs,
        invocation.actor,
        request.silence,
        at=at,
        by=request.by,
        comment=request.comment,
        mark=request.if_match,
    )


def _silences(needs: AlertsNeeds) -> Iterable[Candidate]:
    seen = {f"{one.cluster}/{one.id}": one for alert in needs.latest() for one in alert.silences}
    return [Candidate(name, f"{one.created_by}: {one.comment}") for name, one in seen.items()]


def _ids(needs: AlertsNeeds) -> Offers:
    return needs.offers


def _alerts_or_matchers(needs: AlertsNeeds) -> Offers:
    return SilenceOffers(needs.offers)


def _clusters(needs: AlertsNeeds) -> Iterable[Candidate]:
    return [Candidate(name) for name in needs.writers]


def _labels(needs: AlertsNeeds) -> Iterable[Candidate]:
    return [Candidate(name) for name in needs.offers.label_names()]


def _matchers(needs: AlertsNeeds) -> Offers:
    return FilterOffers(needs.offers)


COMMANDS: tuple[Command[AlertsNeeds, Any], ...] = (
    Command(
        name="alerts list",
        summary="List alerts, what needs somebody first",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        complete={"matchers": _matchers, "by": grouped_listing.groupings, "view": grouped_listing.views},
        examples=(
            "/alerts list",
            "/alerts list severity=critical",
            "/alerts list checkout 'pod=~\"web-.*\"'",
            "/alerts list --by namespace,service --sort largest",
        ),
        help="Firing alerts come first, by severity and newest first; then acknowledged, silenced and inhibited ones.",
    ),
    Command(
        name="alerts ack",
        summary="Acknowledge an alert: mute it for a while and say who has it",
        arguments=AckArguments,
        risk=Risk.WRITE,
        plan=_ack,
        complete={"id": _ids},
        examples=("/alerts ack 3f2a", '/alerts ack 3f2a --for 30m --note "rolling back"', "/alerts ack 3f2a --to op-b"),
        help=(
            "Alertmanager knows no acknowledgements. This makes a silence on the alert's labels whose comment begins "
            "with ACK!, as other tools do; doing it again prolongs it. Without --for it lasts 15 minutes at a time, "
            "and one of the consoles prolongs it while the alert fires, up to [sre.alerts] ack_max. With --to somebody "
            "else has it from then on. Notifications stop; a pager that was notified "
            "already is not acknowledged."
        ),
    ),
    Command(
        name="alerts unack",
        summary="Give an alert back: end its acknowledgement",
        arguments=UnackArguments,
        risk=Risk.WRITE,
        plan=_unack,
        complete={"id": _ids},
        examples=("/alerts unack 3f2a",),
        help="It notifies again. The acknowledgement of somebody else needs a yes.",
    ),
    *LOOKING_COMMANDS,
    Command(
        name="alerts silence",
        summary="Silence alerts, or whatever matchers match",
        arguments=SilenceArguments,
        risk=Risk.WRITE,
        plan=_silence,
        complete={"what": _alerts_or_matchers, "without": _labels, "cluster": _clusters, "edit": _silences},
        examples=(
            '/alerts silence 3f2a --for 1h --comment "disk is being replaced"',
            '/alerts silence 3f2a --for 2h --comment "node drained" --without pod --without instance',
            '/alerts silence service=mail severity=~"warning|info" --until "18:00 Europe/Berlin" --comment "move"',
            "/alerts silence --edit prod/6f1c24e7-7f3a-4f0b-9d55-0f8c2d1a9b3e --for 4h",
        ),
        help=(
            "Shows the matchers, the alerts they hit now and how many they would have hit during the last day; several "
            "hits or more than 24 hours need a yes. Of several alerts it takes what their labels have in common. What "
            "mutes most of a cluster, or nothing now and nothing during the last day, needs --anyway. A silence that "
            "is changed keeps its id only where its matchers stay."
        ),
    ),
    Command(
        name="alerts expire",
        summary="End a silence or an ack, now or at an earlier time",
        arguments=ExpireArguments,
        risk=Risk.WRITE,
        plan=_expire,
        complete={"silence": _silences},
        examples=("/alerts expire prod/6f1c24e7-7f3a-4f0b-9d55-0f8c2d1a9b3e",),
        help="The alerts notify again. One of somebody else needs a yes. It cannot be begun again: make a new silence.",
    ),
)
"""All commands of this room."""
