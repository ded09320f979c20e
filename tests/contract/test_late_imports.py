"""What the first picture and the first rows do not wait for: modules that are still unknown when they stand there.

The program itself runs, on a screen without a terminal, against an Alertmanager that answers over HTTP.
"""

from __future__ import annotations

import json
import os
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
import asyncio, json, sys

known = {}

async def main():
    from pathlib import Path
    from console.app import ConsoleApp
    from console.peek import take_peek
    from services.vocabulary.clock import SystemClock

    class PatientClock(SystemClock):
        # On a busy machine the console would go on without the alerts after a second.
        async def sleep(self, seconds):
            await super().sleep(seconds * 1000)

    clock = PatientClock()
    peek = take_peek(config=sys.argv[1])
    done = asyncio.Event()

    async def connect(app):
        known["paint"] = sorted(sys.modules)
        from console import connection

        async def painted():
            await app.painted()
            known["screen"] = app.export_screenshot()
            known["row"] = sorted(sys.modules)

        connected = await connection.connect(peek, clock, app.choose_theme, painted=painted)
        connected.desk.alerts["prod"].subscribe(lambda _: known.setdefault("answer", sorted(sys.modules)))
        connected.desk.circuit.subscribe(lambda _: done.set())
        return connected

    app = ConsoleApp(connect, clock=clock, theme=peek.theme, incidents=peek.incident_response)
    async with app.run_test(size=(120, 40)):
        await done.wait()
        known["rest"] = sorted(sys.modules)
        app.exit()

asyncio.run(main())
print("\\n" + json.dumps(known))
"""

PACKAGES = (
    "aiohttp",
    "aiosqlite",
    "alembic",
    "asyncpg",
    "click",
    "keyring",
    "kubernetes",
    "markdown_it",
    "plotext",
    "prometheus_client",
    "psycopg",
    "re2",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)
"""Of others: nothing of the first rows needs them."""

BEFORE_PAINT = (*PACKAGES, "httpcore", "httpx", "msgspec", "pydantic", "pydantic_core", "console.configuration.model")

BEFORE_ANSWER = (
    *PACKAGES,
    "console.gateway",
    "console.records",
    "httpx._main",
    "rich.markdown",
    "rich.progress",
    "services.alerts.commands",
    "services.alerts.filtering",
    "services.approvals.model",
    "services.command",
    "services.gateway.address",
    "services.oncall.rotation",
    "services.policy.model",
    "services.policy.patterns",
    "services.registry",
    "services.safety.guard",
    "services.storage.engine",
    "services.storage.keys",
    "services.trust.model",
)

TOOLS = {"services.command", "services.registry", "services.registry.completion"}
"""Imported as soon as rows stand there, for what can be done to them."""

NEVER = ("click", "kubernetes", "keyring", "plotext", "prometheus_client", "rich.markdown", "starlette", "uvicorn")
"""Not imported in the whole life of a console that is not asked for what they are for."""


def _alert() -> dict[str, object]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "fingerprint": "00000000000000aa",
        "labels": {"alertname": "FirstLiveRow", "severity": "critical"},
        "annotations": {},
        "startsAt": now,
        "endsAt": now,
        "updatedAt": now,
        "generatorURL": "",
        "receivers": [{"name": "pager"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }


async def _known(directory: Path) -> dict[str, list[str]]:
    async def alerts(_: web.Request) -> web.Response:
        return web.json_response([_alert()])

    application = web.Application()
    application.router.add_get("/api/v2/alerts", alerts)
    async with TestServer(application) as server:
        config = directory / "config.toml"
        config.write_text(
            f'[[sre.alertmanager]]\nname = "prod"\nurls = ["{server.make_url("/")}"]\ntimeout = 300\n'
            f'[sre.store]\nurl = "sqlite:///{directory}/store.db"\n'
        )
        outside = {
            name: value for name, value in os.environ.items() if not name.startswith(("SRE_CONSOLE_", "RUSTANT_"))
        }
        program = await create_subprocess_exec(
            *(sys.executable, "-P", "-c", _PROGRAM, str(config)),
            env=outside | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(directory / "state")},
            cwd=directory,
            stdout=PIPE,
            stderr=PIPE,
        )
        said, complained = await program.communicate()
    assert program.returncode == 0, complained.decode()
    known: dict[str, list[str]] = json.loads(said.decode().splitlines()[-1])
    assert "FirstLiveRow" in known["screen"]
    return known


def _of(names: tuple[str, ...], modules: list[str]) -> set[str]:
    return set(names) & set(modules)


async def test_neither_the_first_picture_nor_the_first_rows_wait_for_what_they_do_not_show(tmp_path: Path) -> None:
    known = await _known(tmp_path)
    assert not _of(BEFORE_PAINT, known["paint"])
    assert not _of(BEFORE_ANSWER, known["answer"])
    assert not _of(BEFORE_ANSWER, known["row"]) - TOOLS
    assert not _of(NEVER, known["rest"])
    # What is looked for is spelt as it is imported: the rest of the console, right behind the rows, knows it.
    behind = {
        "console.records",
        "services.command",
        "services.registry",
        "services.storage.engine",
        "sqlalchemy",
        "re2",
    }
    assert behind <= set(known["rest"])
    assert {"httpx", "pydantic", "services.alerts.alertmanager"} <= set(known["answer"])
