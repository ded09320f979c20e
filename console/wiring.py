"""The composition root: the only place that builds sources, storage and commands, and nothing looks anything up."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from console.background import Background, Work
from console.cli import program_version
from console.configuration.model import Settings
from console.configuration.references import resolve
from console.late_import import import_late
from console.live import Live
from console.preferences import Preferences
from console.sources import build_sources
from services.safety.actor import Actor, Surface
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError, Refused
from services.vocabulary.redaction import Redaction

if TYPE_CHECKING:
    from console.records import Records
    from services.alerts.model import Alert
    from services.alerts.saved_views import ChosenView, Routes
    from services.command import Confirmer, Invocation
    from services.metrics.model import AlertPlot
    from services.registry import Registry
    from services.safety.outcome import Outcome, Unfinished
    from services.safety.plan import Plan

_PATIENCE = 1.0
_SETTLE_EVERY = 15.0

_log = logging.getLogger(__name__)


class Backend:
    """Everything behind the screen or behind ``exec``.

    Attributes:
        settings: the checked configuration.
        demo: whether the simulated production is behind it.
        clock: the only time there is.
        actor: who sits in front of it.
        sources: the clients of the outside systems.
        live: the feeds and what keeps them up to date; nothing is read before :meth:`start`.
        background: what keeps the feeds up to date, and what of that is broken.
        redaction: the secrets that must not get into log, audit, export and prompt.
        records: the store and what lies in it; None before :meth:`open_records`.
        left: the writes that did not end before :meth:`close` lost patience; put down as unknown.
        tell: called with each write that was found without an outcome; a screen shows it.
        notice: called with a title and a sentence that a person should see at once; a screen shows them.
        gateway: whether the gateway listens and where; empty where none is wanted.
        resources: what :meth:`close` closes after everything else, such as the demo.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        surface: Surface,
        preferences: Preferences,
        *,
        demo: bool = False,
        switch_theme: Callable[[str], None] | None = None,
        automation: bool = False,
        redaction: Redaction | None = None,
    ) -> None:
        """Connects to nothing.

        Args:
            settings: the checked configuration.
            clock: the only time there is.
            surface: a wallboard gets no writer, no guard, and a store that cannot be written.
            preferences: where the theme is remembered.
            demo: whether the simulated production is behind it.
            switch_theme: shows a theme at once; None where there is no screen.
            automation: whether no person asks, but a script.
            redaction: learns every secret that is resolved here; one of its own by default.

        Raises:
            ConsoleError: a secret or a TLS file cannot be read.
        """
        self._writing = surface is not Surface.WALLBOARD
        self.settings = settings
        self.demo = demo
        self.clock = clock
        self.actor = actor_of(settings, surface, automation=automation)
        self.redaction = redaction or Redaction()
        self.sources = build_sources(settings, clock, writing=self._writing, learn=self.redaction.add)
        self.live = Live(settings, clock, self.sources)
        self.records: Records | None = None
        self._headless = surface is Surface.EXEC
        self._preferences = preferences
        self._switch_theme = switch_theme
        self._opening = asyncio.Lock()
        self.background = Background(clock)
        self.resources = AsyncExitStack()
        self.left: tuple[Unfinished, ...] = ()
        self.tell: Callable[[Unfinished], None] = _told_nobody
        self.notice: Callable[[str, str], None] = _noticed_by_nobody
        self.gateway = ""

    @cached_property
    def registry(self) -> Registry:
        """The commands; help alone before :meth:`open_records`."""
        from services.registry import Registry

        return Registry(self if self._writing else None)

    @cached_property
    def chosen_view(self) -> ChosenView:
        """The view of the alerts, one of those that are saved to begin with."""
        from services.alerts.saved_views import ChosenView, views_of

        return ChosenView(views_of([one.view() for one in self.settings.sre.view]), self._routes)

    async def _routes(self) -> Routes:
        room = await import_late("services.alerts.routing")
        routes: Routes = await room.routes_of(self.sources.alertmanagers)
        return routes

    @property
    def environments(self) -> tuple[str, ...]:
        """Every configured environment, in the order of the configuration."""
        return self.settings.environments

    def invocation(self, selection: Mapping[str, tuple[str, ...]], confirm: Confirmer) -> Invocation:
        """Who runs a command, on what. What is asked on the way shows no secret."""

        from services.command import Invocation

        async def asked(plan: Plan) -> bool:
            return await confirm(_presentable(plan, self.redaction))

        return Invocation(self.actor, asked, selection)

    async def open_records(self) -> Records:
        """Import the store's rooms and give the registry its commands; the store itself is opened at its first use."""
        async with self._opening:
            if self.records is None:
                room = await import_late("console.records")
                sre = self.settings.sre
                records: Records = room.Records(
                    sre.store.url,
                    self.clock,
                    writing=self._writing,
                    thresholds=sre.circuit.thresholds(),
                    policies=[one.policy() for one in sre.policies],
                    approval_lifetime=sre.approvals.lifetime,
                    trust=sre.trust.rules(progressive=self.settings.feature_flags.progressive_trust),
                    redaction=self.redaction,
                    password=self._store_password(),
                    memory=None if self.demo else self._preferences.directory,
                    actor=self.actor,
                    keys=await asyncio.to_thread(sre.audit.keys, self.redaction.add),
                    anchor_file=sre.audit.anchors,
                )
                flags = self.settings.feature_flags
                room.add_commands(
                    self.registry,
                    records,
                    self.sources,
                    self.live,
                    self.clock,
                    headless=self._headless,
                    incident_response=flags.incident_response,
                    environments=self.environments,
                    preferences=self._preferences,
                    switch_theme=self._switch_theme,
                    notes=lambda: (self.gateway,) if self.gateway else (),
                    objectives=[one.objective() for one in sre.slo],
                    chosen=self.chosen_view,
                    ack_max=timedelta(seconds=sre.alerts.ack_max),
                    history=timedelta(seconds=sre.alerts.history),
                    maintenance=[one.maintenance() for one in sre.maintenance],
                    notice=self._notice,
                )
                self.live.follow(
                    records.store,
                    records.incidents if flags.incident_response else None,
                    records.breaker,
                    records.approvals.watch(self.actor if self._writing else None),
                )
                self.records = records
            return self.records

    def _notice(self, title: str, text: str) -> None:
        # Whoever shows it is known later than who tells it.
        self.notice(title, text)

    def _store_password(self) -> Callable[[], str] | None:
        reference = self.settings.sre.store.password
        if reference is None:
            return None

        def ask() -> str:
            # Asked at each connection, so that a changed one is found; learnt, so that no log shows it.
            secret = resolve(reference)
            self.redaction.add(secret)
            return secret

        return ask

    def start(self, painted: Callable[[], Awaitable[None]] | None = None, *, serve: bool = True) -> None:
        """Begin to read every source and to keep the feeds up to date: the alerts at once, the rest behind them.

        Args:
            painted: waits until what was changed before stands on the screen; None where there is none.
            serve: whether the gateway listens where the configuration enables it.
        """
        for work in self.live.alert_work():
            self.background.keep(work)
        self.background.keep(
            Work("opening what stands behind the alerts", partial(self._start_rest, painted, serve), again=False)
        )

    async def _start_rest(self, painted: Callable[[], Awaitable[None]] | None, serve: bool) -> None:
        # What the others import would take the processor from the first alerts: whoever opens a console waits for
        # those.
        await self.live.alerts_answered(_PATIENCE)
        if painted is not None:
            await painted()
        _log.info("version %s, %s of %s", program_version(), self.actor.surface.value, self.actor.operator)
        for work in self.live.other_work():
            self.background.keep(work)
        self.background.keep(Work("learning how alerts are routed", self.chosen_view.learn, again=False))
        try:
            records = await self.open_records()
        except Exception as error:
            _log.exception("the store's rooms cannot be opened")
            self.live.circuit.fail(ConsoleError(f"the console failed: {type(error).__name__}: {error}"))
            return
        for work in self.live.record_work():
            self.background.keep(work)
        if records.guard is not None:
            self.background.keep(Work("looking for writes without an outcome", self._settle))
            self.background.keep(Work("keeping heads of the audit", records.follow_head))
        if records.keeper is not None:
            self.background.keep(Work("keeping acks and alerts made by hand", records.keeper.run))
        if records.maintainer is not None:
            self.background.keep(Work("silencing maintenance", records.maintainer.run))
        if records.historian is not None:
            self.background.keep(Work("writing down what happens to alerts", records.historian.run))
        if serve and self.settings.gateway.enabled:
            beside = (await import_late("console.gateway")).serve_beside
            self.background.keep(Work("serving the gateway", partial(beside, self)))

    async def _settle(self) -> None:
        # What an earlier life of this console, or another console, began and did not end is put down as unknown once
        # nobody can be at it any more. A store that cannot be opened says so in its feed.
        while True:
            records = await self.open_records()
            try:
                if records.guard is not None:
                    for lost in await records.guard.settle(self.actor):
                        _log.warning("intent %s of %s: %s", lost.intent, lost.operator, lost.check)
                        self.tell(lost)
            except ConsoleError as error:
                _log.warning("writes without an outcome could not be settled: %s", error)
            await self.clock.sleep(_SETTLE_EVERY)

    async def execute(self, plan: Plan, *, command: str, actor: Actor, confirm: Confirmer) -> Outcome:
        """Do what ``plan`` says through the guard.

        Raises:
            Refused: it may not be done.
        """
        records = await self.open_records()
        if records.guard is None:
            raise Refused("this console is read-only")
        return await records.guard.execute(plan, command=command, actor=actor, confirm=confirm)

    async def plot(self, alert: Alert, points: int) -> AlertPlot | None:
        """What the rule of ``alert`` measures, in at most so many points a series.

        Returns:
            None where no Prometheus belongs to the alert's cluster.

        Raises:
            ConsoleError: the alert does not tell its rule, or Prometheus gave no usable answer.
        """
        from services.metrics.plot import plot_of
        from services.metrics.prometheus import PrometheusReader

        client = self.sources.prometheus.get(f"alertmanager {alert.cluster}")
        if client is None:
            return None
        return await plot_of(alert, PrometheusReader(client), self.clock, points)

    def refresh(self) -> None:
        """Read every source again now."""
        self.live.refresh()

    @property
    def under_way(self) -> tuple[str, ...]:
        """The commands whose writes are on their way now (raw)."""
        guard = self.records.guard if self.records is not None else None
        return () if guard is None else guard.under_way

    async def drain(self, hurry: asyncio.Event | None = None) -> None:
        """Wait for the writes on their way, at most as long as the guard does or until ``hurry``; never raises."""
        guard = self.records.guard if self.records is not None else None
        if guard is None:
            return
        try:
            self.left += await guard.drain(self.actor, hurry=hurry)
        except Exception:
            _log.warning("the writes on their way could not be waited for", exc_info=True)

    async def close(self) -> None:
        """Wait for the writes on their way, stop reading and close every connection; never raises."""
        await self.drain()
        await self.background.close()
        if self.records is not None and self._writing and self.records.store.is_open:
            try:
                await self.records.keep_head()
            except Exception as error:
                _log.warning("the head of the audit could not be kept: %s", error)
        store = (self.records.store.close,) if self.records is not None else ()
        for closing in (self.sources.close, *store, self.resources.aclose):
            try:
                await closing()
            except Exception:
                _log.warning("something could not be closed", exc_info=True)


def _told_nobody(lost: Unfinished) -> None:
    del lost


def _noticed_by_nobody(title: str, text: str) -> None:
    del title, text


def _presentable(plan: Plan, redact: Callable[[str], str]) -> Plan:
    """``plan`` as a person may see it; what it does, to what, and what has to be typed are the same."""
    agreed = plan.confirmation
    return replace(
        plan,
        summary=redact(plan.summary),
        preview=tuple(map(redact, plan.preview)),
        warnings=tuple(map(redact, plan.warnings)),
        confirmation=None if agreed is None else replace(agreed, question=redact(agreed.question)),
    )


def actor_of(settings: Settings, surface: Surface, *, automation: bool = False) -> Actor:
    """Who sits at this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return Actor(settings.sre.operator, user, socket.gethostname(), surface, automation=automation)
