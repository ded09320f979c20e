"""The demo as a child process: it starts, serves, and never outlives whoever started it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from console.configuration.model import Settings
from services.demo.child import DemoError, start_demo
from services.demo.story import Phase
from services.http import ReadClient
from services.http_settings import HttpSettings
from tests.support.clock import ManualClock

TREE = Path(__file__).resolve().parents[2]
START = datetime(2026, 3, 2, 19, 31, 7, tzinfo=UTC)


async def gone(ended: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(seconds):
        while not ended():
            await asyncio.sleep(0.02)


def ended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def alerts(url: str) -> bytes:
    client = ReadClient(HttpSettings("demo", url))
    try:
        return await client.get("/api/v2/alerts")
    finally:
        await client.close()


async def test_it_starts_serves_and_closes() -> None:
    async with await start_demo(seed=7, speed=0.0, start=START, offset=300.0) as child:
        assert child.running
        body = await alerts(child.alertmanager_url)
        assert b"HighErrorRate" in body
        assert child.now == START
        assert child.clock(ManualClock()).now() == START
        assert child.story.phase(child.now) is Phase.BURNING
        settings = Settings.model_validate(child.config)
        assert settings.sre.alertmanager[0].urls == [child.alertmanager_url]
        assert settings.sre.kubernetes[0].context == "demo"
        assert [one.name for one in settings.sre.oncall.rotation] == ["primary", "secondary"]
        kubeconfig, pid = Path(child.kubeconfig), child.pid
        assert json.loads(kubeconfig.read_text())["current-context"] == "demo"
        assert kubeconfig.stat().st_mode & 0o077 == 0
    assert ended(pid)
    assert not kubeconfig.parent.exists()
    async with await start_demo(seed=7, speed=0.0, start=START, offset=300.0) as second:
        assert await alerts(second.alertmanager_url) == body


async def test_closing_twice_is_fine() -> None:
    child = await start_demo()
    real = ManualClock()
    assert child.clock(real) is real
    await child.close()
    await child.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    child = await start_demo()
    os.kill(child.pid, number)
    await gone(lambda: not child.running)
    assert not Path(child.kubeconfig).exists()
    await child.close()


async def test_what_it_cannot_read_it_says() -> None:
    with pytest.raises(DemoError, match=r"did not start.*--speed"):
        await start_demo(speed=-1.0)


def parent(program: str, *, pipes: bool = False) -> subprocess.Popen[bytes]:
    other = subprocess.PIPE if pipes else None
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, stdin=other, stdout=subprocess.PIPE, stderr=other, env=environment)


async def test_it_dies_with_its_parent_though_the_parent_is_killed() -> None:
    program = (
        "import asyncio, sys\n"
        "from services.demo.child import start_demo\n"
        "async def main():\n"
        "    child = await start_demo()\n"
        "    print(child.pid, child.kubeconfig, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    process = parent(program)
    assert process.stdout is not None
    pid, kubeconfig = (await asyncio.to_thread(process.stdout.readline)).decode().split()
    assert not ended(int(pid))
    process.kill()
    process.wait()
    await gone(lambda: ended(int(pid)))
    assert not Path(kubeconfig).exists()
    process.stdout.close()


async def test_it_dies_with_its_parent_though_somebody_holds_its_input_open() -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'services.demo'])\n"
        "print(child.pid, file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n"
    )
    # Its input is this test's pipe, which stays open; its output comes through the killed parent's.
    process = parent(program, pipes=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdin is not None
    pid = int(await asyncio.to_thread(process.stderr.readline))
    announcement = json.loads(await asyncio.to_thread(process.stdout.readline))
    assert announcement["alertmanager"].startswith("http://127.0.0.1:")
    process.kill()
    process.wait()
    await gone(lambda: ended(pid))
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def test_what_the_parent_imports_is_light_and_the_child_knows_no_screen() -> None:
    program = (
        "import sys\nimport services.demo.child\n"
        "print(sorted({'aiohttp', 'httpx', 're2', 'msgspec', 'textual'} & set(sys.modules)))\n"
        "import services.demo.__main__\n"
        "print(sorted({'textual', 'rich', 'httpx', 'sqlalchemy', 'kubernetes', 'pydantic'} & set(sys.modules)))\n"
    )
    with parent(program) as process:
        said, _ = process.communicate(timeout=120)
    assert said.decode().splitlines() == ["[]", "[]"]
