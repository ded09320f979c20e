"""``[[sre.policies]]`` and ``[sre.approvals]``. A policy that cannot be read never keeps the console from starting.

It becomes a policy with problems, which blocks whatever the readable part of it may cover: a mistake in a rule must
not let a write through, and must not take the alerts from the screen either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from console.configuration.section import Name, Seconds, Section, wrong

if TYPE_CHECKING:
    from services.policy.model import Freeze, Policy, Scope, Window

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_NAMES = {name: index for index, day in enumerate(_DAYS) for name in (day, day[:3])}


def _pattern(value: str) -> str:
    from services.policy.patterns import PatternError, pattern_test

    try:
        pattern_test(value)
    except PatternError as error:
        raise wrong(str(error), 'write a name, "web-*", or "~" and a regular expression') from None
    return value


def known_zone(value: str) -> str:
    """A name of a time zone, checked."""
    from services.oncall.rotation import RotationError, load_zone

    try:
        load_zone(value)
    except RotationError as error:
        raise wrong(error.message, error.hint) from None
    return value


def _clock(value: object) -> object:
    if isinstance(value, time):
        value = value.isoformat("minutes") if not value.second and not value.microsecond else str(value)
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise wrong(f"{value!r} is not a time of day", "write for example 22:00; 24:00 is the end of the day")
    return value


def _days(value: list[str]) -> list[str]:
    for text in value:
        _days_of(text)
    return value


def _days_of(text: str) -> Iterator[int]:
    first, dash, last = text.strip().lower().partition("-")
    if first not in _DAY_NAMES or (dash and last not in _DAY_NAMES):
        raise wrong(f"{text!r} is no day of the week", 'write for example "mon", "sat" or "mon-fri"')
    start = _DAY_NAMES[first]
    length = (_DAY_NAMES[last] - start) % len(_DAYS) if dash else 0
    return iter([(start + step) % len(_DAYS) for step in range(length + 1)])


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise wrong(f"{value!r} is not a date and time", _MOMENT_HINT) from None
    if not isinstance(value, datetime):
        raise wrong("it is not a date and time", _MOMENT_HINT)
    return value


def _number(value: object) -> object:
    return float(value) if type(value) is int else value


_MOMENT_HINT = "write for example 2026-12-20T00:00:00, which is the time of the zone, or 2026-12-20T00:00:00+01:00"

Pattern = Annotated[str, AfterValidator(_pattern)]
Patterns = Annotated[list[Pattern], Field(default_factory=list)]
Zone = Annotated[str, AfterValidator(known_zone)]
Clock = Annotated[str, BeforeValidator(_clock)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Percent = Annotated[float, BeforeValidator(_number), Field(ge=0, le=100)]


class WindowSettings(Section):
    """One ``[[sre.policies.during]]`` or ``[[sre.policies.outside]]``."""

    days: Annotated[list[str], AfterValidator(_days)] = Field(default_factory=lambda: ["mon-sun"], min_length=1)
    start: Clock = "00:00"
    end: Clock = "24:00"

    @model_validator(mode="after")
    def _lasts(self) -> WindowSettings:
        if self.start == "24:00":
            raise wrong("a window cannot begin at 24:00", "00:00 of the next day is the same moment")
        if self.start == self.end:
            raise wrong(
                f"it begins and ends at {self.start}", "leave both out for the whole day, or write another time"
            )
        return self

    def window(self) -> Window:
        """The window, ready to be asked."""
        from services.policy.model import Window

        days = frozenset(day for text in self.days for day in _days_of(text))
        return Window(days, time.fromisoformat(self.start), time.fromisoformat(self.end.replace("24:", "00:")))


class FreezeSettings(Section):
    """One ``[[sre.policies.freezes]]``."""

    start: Moment
    end: Moment
    zone: Zone | None = None
    reason: str = ""

    def freeze(self, zone: str) -> Freeze:
        """The freeze; a time without an offset is meant in its own zone, else in ``zone``.

        A time that clocks show twice is the first as a beginning and the second as an end.
        """
        from zoneinfo import ZoneInfo

        from services.policy.model import Freeze
        from services.vocabulary.wall_time import instant, last_instant

        local = ZoneInfo(self.zone or zone)
        starts = self.start.astimezone(UTC) if self.start.tzinfo else instant(self.start, local)
        ends = self.end.astimezone(UTC) if self.end.tzinfo else last_instant(self.end, local)
        return Freeze(starts, ends, self.reason)


class ScopeSettings(Section):
    """What a policy covers; the keys of ``[[sre.policies]]`` that narrow it."""

    actions: Patterns
    commands: Patterns
    risks: list[Literal["write", "destructive"]] = Field(default_factory=list)
    sources: Patterns
    environments: Patterns
    namespaces: Patterns
    surfaces: list[Literal["console", "exec", "gateway"]] = Field(default_factory=list)
    automation: bool | None = None

    def scope(self) -> Scope:
        """The scope, ready to be asked."""
        from services.policy.model import Scope

        return Scope(
            tuple(self.actions),
            tuple(self.commands),
            tuple(self.risks),
            tuple(self.sources),
            tuple(self.environments),
            tuple(self.namespaces),
            tuple(self.surfaces),
            self.automation,
        )


class PolicySettings(ScopeSettings):
    """One ``[[sre.policies]]``."""

    name: Name
    effect: Literal["block", "require-approval"]
    reason: str = ""
    enabled: bool = True
    zone: Zone = "UTC"
    during: list[WindowSettings] = Field(default_factory=list)
    outside: list[WindowSettings] = Field(default_factory=list)
    freezes: list[FreezeSettings] = Field(default_factory=list)
    max_targets: int | None = Field(default=None, ge=0)
    max_percent: Percent | None = None
    approvals: int | None = Field(default=None, ge=1, le=20)
    approvers: list[Name] = Field(default_factory=list)

    _errors: tuple[ErrorDetails, ...] = PrivateAttr(default=())
    _broken: Policy | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _agrees(self) -> PolicySettings:
        if self.effect == "block" and (self.approvals is not None or self.approvers):
            raise wrong(
                "a policy that blocks takes no approvals", 'write effect = "require-approval", or leave them out'
            )
        if len(set(self.approvers)) != len(self.approvers):
            raise wrong("an approver is named twice", "leave one out")
        if self.approvers and (self.approvals or 1) > len(self.approvers):
            raise wrong(
                f"it wants {self.approvals} approvals and names {len(self.approvers)} approvers",
                "name more of them, or want fewer approvals",
            )
        for number, freeze in enumerate(self.freezes):
            try:
                resolved = freeze.freeze(self.zone)
            except OverflowError:
                raise wrong(f"freezes[{number}] lies outside the calendar") from None
            if resolved.starts >= resolved.ends:
                raise wrong(f"freezes[{number}] ends before it starts", "swap start and end")
        return self

    @property
    def errors(self) -> tuple[ErrorDetails, ...]:
        """What is wrong with it, as the check told it; empty for a sound one."""
        return self._errors

    def policy(self) -> Policy:
        """The policy, ready to be asked."""
        from services.policy.model import Effect, Hours, Limits, Policy

        if self._broken is not None:
            return self._broken
        return Policy(
            name=self.name,
            effect=Effect(self.effect),
            reason=self.reason,
            enabled=self.enabled,
            scope=self.scope(),
            hours=Hours(
                self.zone,
                tuple(one.window() for one in self.during),
                tuple(one.window() for one in self.outside),
                tuple(one.freeze(self.zone) for one in self.freezes),
            ),
            limits=Limits(self.max_targets, self.max_percent),
            count=self.approvals or 1,
            approvers=tuple(self.approvers),
        )


class ApprovalSettings(Section):
    """``[sre.approvals]``."""

    expire_after: Annotated[Seconds, Field(ge=60, le=7 * 86_400)] = 1800.0

    @property
    def lifetime(self) -> timedelta:
        """How long after it was asked for an approval can be given and used."""
        return timedelta(seconds=self.expire_after)


def read_policies(value: Any) -> list[PolicySettings]:
    """Each policy of the file, the broken ones with their errors; raises nothing."""
    if not isinstance(value, list):
        return [_broken("policies", {}, [_error((), "it must be a list", "write [[sre.policies]] above each policy")])]
    found: list[PolicySettings] = []
    names: set[str] = set()
    for number, one in enumerate(value):
        if isinstance(one, PolicySettings):
            found.append(one)
            continue
        raw = one if isinstance(one, dict) else {}
        name = raw.get("name")
        label = name if isinstance(name, str) and name else f"policies[{number}]"
        errors: list[ErrorDetails] = []
        try:
            settings = PolicySettings.model_validate(one)
        except ValidationError as failure:
            errors = failure.errors(include_url=False, include_input=False)
            settings = None
        if isinstance(name, str) and name in names:
            errors = [*errors, _error(("name",), f"{name!r} is named twice", "every policy needs a name of its own")]
        names.add(label)
        found.append(settings if settings is not None and not errors else _broken(label, raw, errors))
    return found


def _broken(name: str, raw: dict[str, Any], errors: Iterable[ErrorDetails]) -> PolicySettings:
    from services.policy.model import Policy, Scope

    errors = tuple(errors)
    bad = {str(error["loc"][0]) for error in errors if error["loc"]}
    # A condition that cannot be read does not narrow; nor does a key that nobody knows.
    readable = {key: raw[key] for key in ScopeSettings.model_fields if key in raw and key not in bad}
    try:
        scope = ScopeSettings.model_validate(readable).scope()
    except ValidationError:
        scope = Scope()
    settings = PolicySettings.model_construct(name=name, effect="block")
    settings._errors = errors
    settings._broken = Policy(
        name=name,
        scope=scope,
        enabled=raw.get("enabled") is not False,
        problems=tuple(_said(error) for error in errors),
    )
    return settings


def _error(location: tuple[str | int, ...], message: str, hint: str) -> ErrorDetails:
    return ErrorDetails(type="wrong", loc=location, msg=message, input=None, ctx={"message": message, "hint": hint})


def _said(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    context = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such key"
    if error["type"] == "missing":
        return f"{key} is missing"
    message = str(context.get("message") or error["msg"].replace("Input should be", "it must be"))
    return f"{key}: {message}" if key else message
