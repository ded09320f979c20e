"""How automation rises from shadow to autonomy and falls, told with ``exec`` alone, against whatever Alertmanager."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from console.execute import run_line

KIND, ENVIRONMENT = "alertmanager.ack", "production"

QUICK = "".join(
    f'[sre.trust.{step}]\nsuccesses = 1\nerror_rate = 0.5\nafter = "1ms"\n'
    for step in ("to_dry_run", "to_assisted", "to_supervised", "to_selective_autonomy")
)
"""Thresholds that one success meets."""

Said = tuple[int, dict[str, Any]]


class Story:
    """Two people and a script of the first one, on one store."""

    def __init__(
        self, directory: Path, url: str, capsys: pytest.CaptureFixture[str], more: str = QUICK, name: str = ""
    ) -> None:
        self._capsys = capsys
        self._configs = {}
        for operator in ("op-a", "op-b"):
            file = directory / f"{operator}{name}.toml"
            file.write_text(
                f'{more if more.startswith("[feature") else ""}[sre]\noperator = "{operator}"\n'
                f'[[sre.alertmanager]]\nname = "prod"\nurls = ["{url}"]\nenvironment = "{ENVIRONMENT}"\n'
                f'[sre.store]\nurl = "sqlite:///{directory}/state/store.db"\n'
                f"{'' if more.startswith('[feature') else more}"
            )
            self._configs[operator] = file

    async def script(self, line: str, *, yes: bool = False) -> Said:
        """What automation of op-a is told."""
        return await self._run(line, "op-a", yes=yes, automation=True)

    async def person(self, line: str, operator: str = "op-b", *, confirm: str = "") -> Said:
        """What a person is told who agrees to everything, and types ``confirm``."""
        return await self._run(line, operator, yes=True, confirm=confirm)

    async def firing(self) -> list[str]:
        """The fingerprints of the alerts that nobody has muted."""
        _, listed = await self.person("/alerts list")
        return [one["fingerprint"] for one in listed["data"] if one["standing"] == "firing"]

    async def muted(self, fingerprint: str) -> bool:
        """Whether somebody has muted it."""
        return fingerprint not in await self.firing()

    async def becomes_muted(self, fingerprint: str) -> None:
        """Wait until the source says so."""
        async with asyncio.timeout(120):
            while not await self.muted(fingerprint):
                await asyncio.sleep(0.02)

    async def promote(self) -> Said:
        """Op-b takes up what is offered."""
        return await self.person(f"/trust promote {KIND} {ENVIRONMENT} --reason earned", confirm=ENVIRONMENT)

    async def _run(self, line: str, operator: str, *, yes: bool, automation: bool = False, confirm: str = "") -> Said:
        code = await run_line(
            line,
            config=self._configs[operator],
            as_json=True,
            yes=yes,
            automation=automation,
            confirm=confirm,
        )
        said = self._capsys.readouterr()
        assert said.err == ""
        return code, json.loads(said.out)


async def rise_and_fall(story: Story) -> None:
    """All five levels, each earned; then one demotion."""
    first, second, third, fourth, *_ = await story.firing()

    code, refused = await story.script(f"/alerts ack {first}")
    assert code == 1
    assert f"automation is at shadow for {KIND} in {ENVIRONMENT}: it only proposes" in refused["message"]
    assert "noted as proposal 1" in refused["message"]
    assert refused["data"]["equivalent"].startswith("amtool silence add")
    assert not await story.muted(first)
    assert (await story.person(f"/alerts ack {first}"))[0] == 0
    assert await _offers(story) == [("shadow", "dry-run")]
    code, unconfirmed = await story.person(f"/trust promote {KIND} {ENVIRONMENT} --reason earned")
    assert (code, unconfirmed["message"]) == (1, f"not confirmed, {KIND} in {ENVIRONMENT} stays at shadow")
    code, itself = await story.script(f"/trust promote {KIND} {ENVIRONMENT} --reason earned", yes=True)
    assert (code, itself["message"]) == (1, "automation cannot promote itself: a person confirms it")
    code, promoted = await story.promote()
    assert (code, promoted["data"]["level"]) == (0, "dry-run")

    code, refused = await story.script(f"/alerts ack {second}")
    assert (code, "knows no dry run for it, so it only proposes as in shadow" in refused["message"]) == (1, True)
    assert not await story.muted(second)
    await story.person(f"/alerts ack {second}")
    assert (await story.promote())[1]["data"]["level"] == "assisted"

    code, refused = await story.script(f"/alerts ack {third}")
    assert (code, "approval 1 was asked for" in refused["message"]) == (1, True)
    assert not await story.muted(third)
    assert (await story.person("/approval approve 1"))[0] == 0
    code, done = await story.script(f"/alerts ack {third}")
    assert code == 0, done
    await story.becomes_muted(third)
    assert (await story.promote())[1]["data"]["level"] == "supervised"

    again = f"/alerts ack {third} --for 1h"
    code, asked = await story.script(again)
    assert (code, asked["message"].startswith("not confirmed, nothing was done: ")) == (1, True)
    assert (await story.script(f"/alerts ack {fourth}"))[0] == 0
    await story.becomes_muted(fourth)
    assert (await story.promote())[1]["data"]["level"] == "selective-autonomy"

    code, done = await story.script(again)
    assert code == 0, done
    code, refused = await story.script(f"/alerts silence {fourth} --for 1h --comment 'by a script'")
    assert (code, "automation is at shadow for alertmanager.silence.create" in refused["message"]) == (1, True)

    code, lowered = await story.person(f"/trust demote {KIND} {ENVIRONMENT} --to shadow --reason 'odd silences'")
    assert (code, lowered["data"][0]["to"]) == (0, "shadow")
    code, refused = await story.script(f"/alerts ack {first} --for 1h")
    assert (code, "automation is at shadow" in refused["message"]) == (1, True)
    _, history = await story.person("/trust history")
    assert [(one["from"], one["to"], one["cause"]) for one in history["data"]] == [
        ("selective-autonomy", "shadow", "demoted"),
        ("supervised", "selective-autonomy", "promoted"),
        ("assisted", "supervised", "promoted"),
        ("dry-run", "assisted", "promoted"),
        ("shadow", "dry-run", "promoted"),
    ]
    assert (await story.person("/audit verify"))[0] == 0


async def _offers(story: Story) -> list[tuple[str, str]]:
    _, status = await story.person("/trust status")
    return [(one["from"], one["to"]) for one in status["data"]["offers"]]
