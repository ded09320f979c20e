"""Policies and approvals as people meet them: two configurations, one store, the real wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from console.configuration.loading import load
from console.execute import run_line
from console.preferences import Preferences
from console.wiring import Backend
from services.demo.child import DemoChild, start_demo
from services.safety.actor import Surface
from services.vocabulary.clock import SystemClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAIRS = '[[sre.policies]]\nname = "pairs"\neffect = "require-approval"\nactions = ["alertmanager.silence.*"]\n'
ALWAYS_NIGHT = (
    '[[sre.policies]]\nname = "night"\neffect = "block"\nreason = "nobody is there to mend it"\n'
    'environments = ["prod*"]\nzone = "Europe/Berlin"\nduring = [{ days = ["mon-sun"] }]\n'
)

Run = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[DemoChild]:
    """In the middle of its story."""
    async with await start_demo(offset=400.0) as child:
        yield child


@pytest.fixture
def configured(demo: DemoChild, tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes the configuration of an operator; all share one store."""

    def write(operator: str, policies: str) -> Path:
        file = tmp_path / f"{operator}.toml"
        file.write_text(
            f'[sre]\noperator = "{operator}"\n'
            f'[[sre.alertmanager]]\nname = "prod"\nurls = ["{demo.alertmanager_url}"]\nenvironment = "production"\n'
            f'[sre.store]\nurl = "sqlite:///{tmp_path}/state/store.db"\n{policies}'
        )
        return file

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    async def line(text: str, config: Path) -> tuple[int, dict[str, Any]]:
        code = await run_line(text, config=config, as_json=True, yes=True)
        return code, json.loads(capsys.readouterr().out)

    return line


async def firing(run: Run, config: Path) -> str:
    """The fingerprint of an alert that nobody has muted."""
    _, listed = await run("/alerts list", config)
    return str(listed["data"][0]["fingerprint"])


async def test_a_policy_blocks_a_night_silence_and_explains_itself(
    configured: Callable[[str, str], Path], run: Run
) -> None:
    config = configured("op-a", ALWAYS_NIGHT)
    line = f"/alerts silence {await firing(run, config)} --for 1h --comment night"
    code, refused = await run(line, config)
    assert code == 1
    assert refused["message"].startswith("policy night blocks it (daily all day Europe/Berlin)")
    assert refused["message"].endswith("nobody is there to mend it")
    assert "amtool silence add" in refused["data"]["equivalent"]
    code, check = await run(f'/policy check "{line}"', config)
    assert (code, check["data"]["answer"], check["data"]["rule"]) == (1, "blocked", "policy night")
    _, audit = await run("/audit list", config)
    assert [(one["action"], one["decision"], one["rule"]) for one in audit["data"]] == [
        ("alertmanager.silence.create", "refused", "policy night")
    ]


async def test_a_broken_policy_blocks_writes_and_never_reading(
    configured: Callable[[str, str], Path], run: Run
) -> None:
    config = configured("op-a", ALWAYS_NIGHT.replace("Europe/Berlin", "Nowhere"))
    code, refused = await run(f"/alerts ack {await firing(run, config)}", config)
    assert code == 1
    assert "policy night cannot be read, so it blocks: zone: 'Nowhere' is not a time zone" in refused["message"]
    code, listed = await run("/policy list", config)
    assert (code, listed["data"][0]["problems"]) == (1, ["zone: 'Nowhere' is not a time zone"])


async def test_an_approval_goes_from_one_console_to_the_other(
    configured: Callable[[str, str], Path], run: Run, tmp_path: Path
) -> None:
    asker, helper = configured("op-a", PAIRS), configured("op-b", PAIRS)
    line = f"/alerts silence {await firing(run, asker)} --for 30m --comment 'node drained'"
    watching = Backend(load(helper).settings, SystemClock(), Surface.CONSOLE, Preferences(tmp_path))
    watching.start()
    try:
        code, refused = await run(line, asker)
        assert code == 1
        assert "approval 1 was asked for until" in refused["message"]
        heard = asyncio.Event()
        watching.live.approvals.subscribe(lambda snapshot: heard.set() if snapshot.items else None)
        async with asyncio.timeout(120):
            if not watching.live.approvals.snapshot.items:
                await heard.wait()
        assert watching.live.approvals.snapshot.items[0].command == line
    finally:
        await watching.close()
    code, own = await run("/approval approve 1", asker)
    assert (code, own["message"]) == (1, "nobody approves their own request: both are operator op-a")
    code, early = await run("/approval run 1", asker)
    assert (code, early["message"]) == (1, "approval 1 is pending, nothing was sent")
    code, approved = await run('/approval approve 1 --note "go on"', helper)
    assert (code, approved["data"]["state"], approved["data"]["identity"]) == (0, "approved", "claimed")
    code, stolen = await run("/approval run 1", helper)
    assert (code, "op-a, who alone can run it" in stolen["message"]) == (1, True)
    code, done = await run("/approval run 1", asker)
    assert code == 0, done
    assert "silenced in Alertmanager until" in done["message"]
    code, again = await run("/approval run 1", asker)
    assert (code, again["message"]) == (1, "approval 1 is spent, nothing was sent")
    _, audit = await run("/audit list", asker)
    assert [(one["action"], one["decision"]) for one in reversed(audit["data"])] == [
        ("approval.request", "allowed"),
        ("alertmanager.silence.create", "refused"),
        ("approval.approve", "refused"),
        ("approval.run", "refused"),
        ("approval.approve", "allowed"),
        ("approval.run", "refused"),
        ("approval.spend", "allowed"),
        ("alertmanager.silence.create", "allowed"),
        ("approval.run", "refused"),
    ]
    assert (await run("/audit verify", asker))[0] == 0
