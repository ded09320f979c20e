"""``/alerts view``, ``/alerts views`` and ``/alerts labels``: what the list shows, and what there is to show."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from services.alerts.filter_offers import FilterOffers
from services.alerts.filtering import AlertFilter, filter_of_words, parse_filter
from services.alerts.grouped_listing import describe, groupings
from services.alerts.grouping import Sort, parse_grouping
from services.alerts.matcher_text import MatcherError
from services.alerts.model import Alert
from services.alerts.needs import AlertsNeeds
from services.alerts.overview import LabelSummary, overview
from services.alerts.saved_views import ChosenView, find_view
from services.command import Arguments, Candidate, Column, Command, Invocation, Offers, Positional, Result, Table
from services.safety.plan import Risk
from services.vocabulary.errors import ConsoleError

_LABELS = (Column("label"), Column("alerts", numeric=True), Column("values", numeric=True), Column("most frequent"))
_VIEWS = (Column("view"), Column("grouped by"), Column("first"), Column("filter"))
_TOLD = 5


@dataclass(frozen=True)
class ViewingNeeds:
    """What the commands work with.

    Attributes:
        alerts: what the other commands of the alerts work with.
        chosen: what the pane shows; None where there is no screen.
    """

    alerts: AlertsNeeds
    chosen: ChosenView | None


def _grouping(text: str) -> str:
    if text:
        parse_grouping(text)
    return text


def _filter(text: str) -> str:
    try:
        parse_filter(text)
    except MatcherError as error:
        raise ValueError(str(error)) from None
    return text


def _word(word: str) -> str:
    try:
        filter_of_words((word,))
    except MatcherError as error:
        raise ValueError(str(error)) from None
    return word


class ViewArguments(Arguments):
    """``/alerts view [name] [--by …] [--sort …] [--filter …]``."""

    name: Annotated[str, Positional()] = Field("", description="a saved view")
    by: Annotated[str, AfterValidator(_grouping)] = Field(
        "", description="problem, alertmanager, alike, none, or labels such as namespace,service"
    )
    sort: Sort | None = Field(None, description="what comes first")
    filter: Annotated[str, AfterValidator(_filter)] | None = Field(None, description="what is listed")


class ViewsArguments(Arguments):
    """``/alerts views``."""


class LabelsArguments(Arguments):
    """``/alerts labels [matchers…]``."""

    matchers: Annotated[tuple[Annotated[str, AfterValidator(_word)], ...], Positional(rest=True)] = Field(
        (), description="of which alerts: severity=critical, @age>1h, bare words; all must hold"
    )


async def _view(needs: ViewingNeeds, request: ViewArguments, invocation: Invocation) -> Result:
    del invocation
    if needs.chosen is None:
        raise ConsoleError("there is no list to show it in", "/alerts list --view NAME prints a view")
    view = find_view(needs.alerts.views, request.name) if request.name else needs.chosen.current
    changes: dict[str, Any] = {}
    if request.by:
        changes["grouping"] = parse_grouping(request.by)
    if request.sort is not None:
        changes["sort"] = request.sort
    if request.filter is not None:
        changes["filter"] = request.filter
    if changes:
        view = replace(view, name="", **changes)
    await needs.chosen.choose(view)
    named = f"{view.name}: " if view.name else ""
    return Result(f"the alerts are shown {named}{describe(view)}", data={"view": view.name, "shown": describe(view)})


async def _views(needs: ViewingNeeds, request: ViewsArguments, invocation: Invocation) -> Result:
    del request, invocation
    known = needs.alerts.views.values()
    return Result(
        f"{len(known)} views",
        data=[
            {
                "name": one.name,
                "by": str(one.grouping),
                "sort": one.sort.value,
                "filter": one.filter,
                "start": one.start,
            }
            for one in known
        ],
        table=Table(_VIEWS, tuple((one.name, str(one.grouping), one.sort.value, one.filter) for one in known)),
    )


async def _labels(needs: ViewingNeeds, request: LabelsArguments, invocation: Invocation) -> Result:
    del invocation
    now = await needs.alerts.current()
    chosen = filter_of_words(request.matchers, needs.alerts.clock.now())
    found = await asyncio.to_thread(_overview, now.alerts, chosen)
    return Result(
        f"{len(found)} labels",
        data=[
            {"label": one.name, "alerts": one.alerts, "values": one.distinct, "top": [list(pair) for pair in one.top]}
            for one in found
        ],
        table=Table(_LABELS, tuple(map(_row, found))),
        ok=bool(now.freshness) and not now.untrusted,
    )


def _overview(alerts: Iterable[Alert], chosen: AlertFilter) -> tuple[LabelSummary, ...]:
    return overview([alert for alert in alerts if chosen.matches(alert)])


def _row(label: LabelSummary) -> tuple[str, ...]:
    words = [f"{value or '(empty)'} {count}" for value, count in label.top[:_TOLD]]
    more = f" and {label.distinct - _TOLD} more" if label.distinct > _TOLD else ""
    return label.name, str(label.alerts), str(label.distinct), ", ".join(words) + more


def _names(needs: ViewingNeeds) -> Iterable[Candidate]:
    return [Candidate(one.name, describe(one)) for one in needs.alerts.views.values()]


def _groupings(needs: ViewingNeeds) -> Iterable[Candidate]:
    return [Candidate("problem", "what probably has one cause"), *groupings(needs.alerts)]


def _matchers(needs: ViewingNeeds) -> Offers:
    return FilterOffers(needs.alerts.offers)


COMMANDS: tuple[Command[ViewingNeeds, Any], ...] = (
    Command(
        name="alerts view",
        summary="Show the list of alerts in another view",
        arguments=ViewArguments,
        risk=Risk.READ,
        run=_view,
        complete={"name": _names, "by": _groupings},
        examples=("/alerts view problems", "/alerts view --by namespace,service --sort largest"),
        help="A view is a filter, a grouping and a sort. [[sre.view]] in the configuration saves them by name.",
    ),
    Command(
        name="alerts views",
        summary="List the views of the alerts",
        arguments=ViewsArguments,
        risk=Risk.READ,
        run=_views,
        examples=("/alerts views",),
    ),
    Command(
        name="alerts labels",
        summary="Say which labels the alerts have, and their most frequent values",
        arguments=LabelsArguments,
        risk=Risk.READ,
        run=_labels,
        complete={"matchers": _matchers},
        examples=("/alerts labels", "/alerts labels severity=critical"),
    ),
)
"""All commands of this room."""
