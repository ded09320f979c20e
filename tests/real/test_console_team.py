"""A team on one PostgreSQL: the whole program, two consoles and a wallboard side by side, and a server that goes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.alertmanager_server import AlertmanagerServer, alertmanager_server
from tests.support.postgresql import PostgresqlServer, free_port, own_server, ready_template
from tests.support.program import ENTER, ESCAPE, Desk, console

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

REFUSED = "every write to an outside system is refused"


@pytest.fixture
def server() -> Iterator[PostgresqlServer]:
    """A server of its own, on a port of the loopback."""
    with own_server(port=free_port()) as server:
        yield server


class Team:
    """Consoles in front of one Alertmanager and one PostgreSQL."""

    def __init__(self, directory: Path, store: str, alertmanager: AlertmanagerServer, stack: AsyncExitStack) -> None:
        self._directory = directory
        self._store = f'url = "{store}"'
        self._alertmanager = alertmanager
        self._stack = stack

    async def joins(self, operator: str, *options: str) -> Desk:
        """One more console, with a state directory of its own."""
        place = self._directory / (operator or "wall")
        opened = console(place, self._alertmanager.url, "", *options, operator=operator, store=self._store)
        return await self._stack.enter_async_context(opened)


async def test_two_consoles_and_a_wallboard_side_by_side(tmp_path: Path, server: PostgresqlServer) -> None:
    async with AsyncExitStack() as stack:
        alertmanager = await stack.enter_async_context(alertmanager_server(tmp_path / "am"))
        database = server.create_database(ready_template(server))
        team = Team(tmp_path, server.url(database), alertmanager, stack)
        ann, bob = await team.joins("ann"), await team.joins("bob")
        wall = await team.joins("tv", "--wallboard")
        for desk in (ann, bob):
            await desk.sees("breaker closed")

        ann.types("b")
        for desk in (ann, bob, wall):
            await desk.sees(REFUSED, "by ann")
        bob.types("b")
        await bob.sees("/circuit close")
        bob.types("vendor is back", ENTER)
        for desk in (ann, bob):
            await desk.sees("breaker closed")
        await wall.no_longer_sees(REFUSED)

        bob.types("/", "incident create Checkout is down", ENTER)
        await ann.sees("Checkout is down")

        # The server goes while all of them run: what was last known stays, and is told to be that.
        server.stop(signal.SIGINT)
        for desk in (ann, bob):
            await desk.sees("stale for")
        ann.types("b")
        await ann.sees("the store cannot be reached")
        ann.types(ESCAPE)
        assert ann.terminal.process.poll() is None

        server.start()
        for desk in (ann, bob):
            await desk.no_longer_sees("stale for")
            await desk.sees("Checkout is down", "breaker closed")
        bob.types("b")
        for desk in (ann, bob, wall):
            await desk.sees(REFUSED, "by bob")
        entries = await ann.executes("/audit list")
        assert [one["operator"] for one in entries if one["action"].startswith("circuit.")] == ["bob", "bob", "ann"]
        assert all(one["os_user"] for one in entries)


async def test_a_server_that_is_gone_at_the_start_is_waited_for(tmp_path: Path, server: PostgresqlServer) -> None:
    async with AsyncExitStack() as stack:
        alertmanager = await stack.enter_async_context(alertmanager_server(tmp_path / "am"))
        team = Team(tmp_path, server.url(server.create_database()), alertmanager, stack)
        server.stop(signal.SIGINT)
        ann = await team.joins("ann")
        await ann.sees("the store cannot be")
        assert "breaker closed" not in ann.terminal.text()
        ann.types("b")
        await ann.sees("the store cannot be reached")
        server.start()
        await ann.sees("breaker closed")
        ann.types("b")
        await ann.sees("CIRCUIT OPEN")
