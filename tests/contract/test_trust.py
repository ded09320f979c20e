"""Trust as scripts and people meet it: ``exec --automation`` against the demo's Alertmanager."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import insert

from console.execute import run_line
from services.demo.child import DemoChild, start_demo
from services.storage.engine import open_store
from services.storage.tables import trust_levels
from services.vocabulary.clock import SystemClock
from tests.support.clock import EPOCH
from tests.support.trust_story import ENVIRONMENT, KIND, QUICK, Story, rise_and_fall

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def demo() -> AsyncIterator[DemoChild]:
    """In the middle of its story, with nobody at it yet."""
    async with await start_demo(offset=400.0) as child:
        yield child


async def test_automation_rises_level_by_level_and_falls_at_once(
    demo: DemoChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await rise_and_fall(Story(tmp_path, demo.alertmanager_url, capsys))


async def test_a_refusal_prints_the_line_that_does_it_by_hand(
    demo: DemoChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(tmp_path, demo.alertmanager_url, capsys)
    alert = (await story.firing())[0]
    assert await run_line(f"/alerts ack {alert}", config=tmp_path / "op-a.toml", automation=True) == 1
    said = capsys.readouterr().err
    assert "automation is at shadow" in said
    assert "by hand: amtool silence add" in said
    assert "a person can do it: the same line without --automation" in said


async def test_with_the_feature_off_a_person_agrees_to_every_write_of_automation(
    demo: DemoChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(tmp_path, demo.alertmanager_url, capsys, "[feature_flags]\nprogressive_trust = false\n")
    alert = (await story.firing())[0]
    code, refused = await story.script(f"/alerts ack {alert}")
    assert (code, "progressive_trust is off" in refused["message"]) == (1, True)
    assert "approval 1 was asked for" in refused["message"]
    await story.person("/approval approve 1")
    code, done = await story.script("/approval run 1")
    assert code == 0, done
    _, status = await story.person("/trust status")
    assert (status["data"]["progressive_trust"], status["data"]["offers"]) == (False, [])


async def test_the_cap_holds_what_was_earned_elsewhere(
    demo: DemoChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(tmp_path, demo.alertmanager_url, capsys, f'[sre.trust]\ncap = "shadow"\n{QUICK}')
    alert = (await story.firing())[0]
    await story.script(f"/alerts ack {alert}")
    await story.person(f"/alerts ack {alert}")
    code, refused = await story.promote()
    assert (code, refused["message"]) == (1, f"{KIND} in {ENVIRONMENT} stays at shadow: [sre.trust] cap is shadow")


async def test_what_is_kept_is_shown_harmlessly(
    demo: DemoChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Story(tmp_path, demo.alertmanager_url, capsys)
    assert await run_line("/circuit status", config=tmp_path / "op-a.toml") == 0
    store = await open_store(f"sqlite:///{tmp_path}/state/store.db", SystemClock())
    async with store.write() as connection:
        await connection.execute(
            insert(trust_levels).values(
                kind="kind\x1b]0;owned\x07\u202e[/foo]", environment="prod\r\x9b31m", level=1, period=1, since=EPOCH
            )
        )
    await store.close()
    capsys.readouterr()
    assert await run_line("/trust status", config=tmp_path / "op-a.toml") == 0
    assert await run_line("/trust demote --to shadow", config=tmp_path / "op-a.toml") == 0
    assert await run_line("/trust history", config=tmp_path / "op-a.toml") == 0
    said = capsys.readouterr().out
    assert "owned" in said
    assert not set("\x1b\x07\x9b\r\u202e") & set(said)
