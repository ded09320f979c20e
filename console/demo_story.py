"""Plays the people of the demo: opens, notes and resolves the incident of its story in the demo's own store."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.demo.story import DemoIncident, IncidentStep, Story
from services.incidents.model import Incident, IncidentState
from services.incidents.repository import Change, IncidentRepository
from services.storage.engine import open_store
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError

_LOOK = 1.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def playing(story: Story, url: str, clock: Clock) -> AsyncIterator[None]:
    """Play ``story`` in the store at ``url`` as long as the block lasts.

    Raises:
        StoreError: the store cannot be made.
    """
    store = await open_store(url, clock)
    task = asyncio.create_task(StoryPlayer(story, IncidentRepository(store, clock), clock).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await store.close()


class StoryPlayer:
    """Does what the script says, each step once, when its time has come."""

    def __init__(self, story: Story, incidents: IncidentRepository, clock: Clock) -> None:
        self._story = story
        self._incidents = incidents
        self._clock = clock
        self._played = story.epoch - timedelta(seconds=1)
        self._numbers: dict[int, int] = {}

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            try:
                await self.play()
            except Exception:
                # The people of the story must not die of one step; the next one comes.
                _log.exception("the demo could not play a step of its story")
            await self._clock.sleep(_LOOK)

    async def play(self) -> None:
        """Do every step whose time has come since the last call."""
        now = self._clock.now()
        if now <= self._played:
            return
        after, self._played = self._played, now
        for step in self._story.incidents(after, now):
            try:
                await self._do(step)
            except ConsoleError as error:
                # A person changed the incident in the same moment: theirs counts.
                _log.warning("the demo could not write its incident: %s", error)

    async def _do(self, step: DemoIncident) -> None:
        if step.step is IncidentStep.OPENED:
            incident = await self._incidents.create(
                step.title, step.severity, step.operator, started_at=step.started_at, detected_at=step.at
            )
            self._numbers[step.turn] = incident.number
            await self._incidents.note(incident.number, step.operator, step.text, at=step.at)
            return
        number = self._numbers.get(step.turn)
        if number is None:
            return
        incident = await self._incidents.get(number)
        if step.step is IncidentStep.STATE and _goes_on(incident, step):
            change = Change(kind="state", text=f"{step.state}: {step.text}", state=IncidentState(step.state))
            await self._incidents.change(number, incident.revision, step.operator, change)
        else:
            await self._incidents.note(number, step.operator, step.text, at=step.at)


def _goes_on(incident: Incident, step: DemoIncident) -> bool:
    order = list(IncidentState)
    return incident.state.is_open and order.index(IncidentState(step.state)) > order.index(incident.state)
