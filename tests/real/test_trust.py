"""Automation rises and falls against a real Alertmanager; amtool sees what was done, and that nothing else was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.alertmanager_server import alert, alertmanager_server, amtool
from tests.support.trust_story import Story, rise_and_fall

pytestmark = pytest.mark.real


async def test_automation_rises_level_by_level_and_falls_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with alertmanager_server(tmp_path / "alertmanager") as server:
        await server.post(*(alert({"alertname": f"Alert{number}", "severity": "warning"}) for number in range(5)))
        story = Story(tmp_path, server.url, capsys)
        async with asyncio.timeout(120):
            while len(await story.firing()) < 5:
                await asyncio.sleep(0.02)
        await rise_and_fall(story)
        silences = (await amtool(server, "silence", "query", "--output=simple")).splitlines()[1:]
        # Two by the person, two by automation, which at last prolongs one of its own.
        assert sum("ACK!" in line for line in silences) == 4
        assert {"op-a", "op-b"} <= {word for line in silences for word in line.split()}
