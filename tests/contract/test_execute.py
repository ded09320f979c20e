"""``exec`` and ``doctor`` against the demo's servers, which speak the real protocols."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from console.configuration.paths import log_path
from console.doctor import report
from console.execute import run_line
from services.demo.child import DemoChild, start_demo

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).resolve().parents[2]
_MIDDLE_OF_THE_STORY = 400.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[DemoChild]:
    """One demo for all: it stands in the middle of its story."""
    async with await start_demo(offset=_MIDDLE_OF_THE_STORY) as child:
        yield child


@pytest.fixture
def config(demo: DemoChild, tmp_path: Path) -> Path:
    """A configuration that names the demo's servers as a person would."""
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
[sre]
operator = "op-a"
[sre.prometheus]
url = "{demo.prometheus_url}"
[[sre.alertmanager]]
name = "prod"
urls = ["{demo.alertmanager_url}"]
environment = "production"
[[sre.kubernetes]]
context = "demo"
kubeconfig = "{demo.kubeconfig}"
[[sre.oncall.rotation]]
name = "primary"
members = ["op-a"]
start = 2026-01-05T09:00:00
zone = "Europe/Berlin"
every = "1w"
[sre.store]
url = "sqlite:///{tmp_path}/state/store.db"
"""
    )
    return file


async def run_json(
    capsys: pytest.CaptureFixture[str], line: str, config: Path, *, yes: bool = False
) -> tuple[int, dict[str, Any]]:
    """The exit code and the one JSON object of a line."""
    code = await run_line(line, config=config, as_json=True, yes=yes)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("\n") == 1
    answer = json.loads(said.out)
    assert {"ok", "command", "data", "message"} <= answer.keys()
    assert answer["ok"] == (code == 0)
    return code, answer


async def test_alerts_are_listed_as_table_and_as_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run_line("/alerts list", config=config) == 0
    said = capsys.readouterr()
    assert "production" in said.out
    assert said.err == ""
    code, answer = await run_json(capsys, "alerts list severity=critical", config)
    assert (code, answer["command"]) == (0, "/alerts list")
    assert answer["data"]
    for alert in answer["data"]:
        assert {
            "fingerprint", "name", "severity", "state", "labels", "annotations", "starts_at", "cluster",
        } <= alert.keys()  # fmt: skip
        assert alert["labels"]["severity"] == "critical"
    assert not (config.parent / "state").exists(), "reading alerts needs no store and makes none"


async def test_an_ack_is_seen_by_the_next_listing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, listed = await run_json(capsys, "/alerts list severity=warning", config)
    alert = next(one for one in listed["data"] if one["standing"] == "firing")
    code, acked = await run_json(capsys, f"/alerts ack {alert['fingerprint']} --for 20m --note looking", config)
    assert (code, acked["command"]) == (0, "/alerts ack")
    _, again = await run_json(capsys, f"/alerts list alertname={alert['name']}", config)
    assert [one["standing"] for one in again["data"] if one["fingerprint"] == alert["fingerprint"]] == ["acked"]


async def test_an_open_circuit_refuses_and_names_the_way_by_hand(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, listed = await run_json(capsys, "/alerts list", config)
    alert = next(one for one in listed["data"] if one["standing"] == "firing")
    assert (await run_json(capsys, '/circuit open --reason "vendor outage"', config))[0] == 0
    code, refused = await run_json(capsys, f"/alerts ack {alert['fingerprint']}", config)
    assert code == 1
    assert "circuit is open" in refused["message"]
    assert "vendor outage" in refused["message"]
    assert "amtool" in refused["data"]["equivalent"]
    assert await run_line(f"/alerts ack {alert['fingerprint']}", config=config) == 1
    assert "by hand: amtool" in capsys.readouterr().err
    assert (await run_json(capsys, '/circuit close --reason "over"', config))[0] == 0


async def test_a_broad_silence_wants_yes_and_shows_what_it_hits(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, listed = await run_json(capsys, "/alerts list", config)
    alert = next(one for one in listed["data"] if one["standing"] == "firing")
    line = f"/alerts silence {alert['fingerprint']} --for 2d --comment tested"
    assert await run_line(line, config=config) == 1
    said = capsys.readouterr()
    assert "--yes" in said.err
    assert "alertname" in said.err
    code, done = await run_json(capsys, line, config, yes=True)
    assert code == 0, done


async def test_what_is_no_command_exits_2_and_marks_the_word(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run_line("/alerts ack x --for 15x", config=config) == 2
    said = capsys.readouterr()
    assert said.out == ""
    line, caret, *_ = said.err.splitlines()
    assert line[caret.index("^") :] == "15x"
    code, answer = await run_json(capsys, "/alerts lst", config)
    assert code == 2
    assert answer["data"] == {"start": 8, "end": 11, "suggestion": "list"}


async def test_deployments_on_call_and_incidents(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, deployments = await run_json(capsys, "/deploy status", config)
    assert any(one["name"] == "checkout" for one in deployments["data"])
    _, duties = await run_json(capsys, "/oncall who", config)
    assert duties["data"][0]["member"] == "op-a"
    _, created = await run_json(capsys, "/incident create Checkout errors --severity sev2", config)
    assert created["ok"]
    _, incidents = await run_json(capsys, "/incident list", config)
    assert [one["title"] for one in incidents["data"]] == ["Checkout errors"]


async def test_without_incident_response_there_is_no_incident_command(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("[feature_flags]\nincident_response = false\n" + config.read_text())
    assert (await run_json(capsys, "/incident list", config))[0] == 2
    _, listing = await run_json(capsys, "/help", config)
    assert not [one for one in listing["data"] if one["name"].startswith("incident")]


async def test_a_wrong_configuration_exits_2_also_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[sre]\nenabledd = true\n")
    code, answer = await run_json(capsys, "/alerts list", file)
    assert code == 2
    assert "1 problem" in answer["message"]
    assert "enabledd" in json.dumps(answer)
    assert await run_line("/alerts list", config=file) == 2
    assert "did you mean enabled?" in capsys.readouterr().err


async def test_a_dead_cluster_is_unknown_and_not_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dead.toml"
    file.write_text('[[sre.alertmanager]]\nname = "prod"\nurls = ["http://127.0.0.1:1"]\n')
    code, answer = await run_json(capsys, "/alerts list", file)
    assert code == 1
    assert "UNKNOWN" in answer["message"]


async def test_doctor_tells_of_each_source(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await report(config) == 0
    assert "store.db is not there yet" in capsys.readouterr().out
    assert not (config.parent / "state").exists()
    await run_line("/circuit status", config=config)
    capsys.readouterr()
    assert await report(config) == 0
    said = capsys.readouterr().out
    for source in ("alertmanager prod", "prometheus", "kubernetes demo", "store"):
        line = next(line for line in said.splitlines() if line.startswith(source))
        assert " ok " in line
    assert said.count("in step") == 3
    store = config.parent / "state" / "store.db"
    store.chmod(0o644)
    config.write_text(config.read_text().replace("[[sre.kubernetes]]", "[[sre.kubernetes]]\nnamespaces = []", 1))
    assert await report(config) == 2
    capsys.readouterr()
    config.write_text(config.read_text().replace("namespaces = []\n", ""))
    assert await report(config) == 1
    failed = capsys.readouterr().out
    assert f"chmod 600 {store}" in failed
    assert "1 fails: store" in failed
    os.chmod(store, stat.S_IRUSR | stat.S_IWUSR)


async def test_doctor_fails_where_a_source_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dead.toml"
    file.write_text(
        '[[sre.alertmanager]]\nname = "prod"\nurls = ["http://127.0.0.1:1"]\n'
        f'[sre.store]\nurl = "sqlite:///{tmp_path}/state/s.db"\n'
    )
    assert await report(file) == 1
    assert "Connection refused" in capsys.readouterr().out


async def test_doctor_warns_of_a_clock_that_is_off_and_does_not_say_that_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        late = datetime.now(UTC) - timedelta(minutes=3)
        headers = {"Date": format_datetime(late, usegmt=True)}
        return web.json_response({"versionInfo": {"version": "0.28.1"}}, headers=headers)

    app = web.Application()
    app.router.add_get("/api/v2/status", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = runner.addresses[0]
    file = tmp_path / "config.toml"
    file.write_text(
        f'[[sre.alertmanager]]\nname = "late"\nurls = ["http://{address[0]}:{address[1]}"]\n'
        f'[sre.store]\nurl = "sqlite:///{tmp_path}/state/s.db"\n'
    )
    file.chmod(0o600)
    try:
        assert await report(file) == 0
    finally:
        await runner.cleanup()
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if line.startswith("alertmanager late"))
    assert " warns " in line
    assert "OFF" in line
    assert "behind this machine's" in line
    assert "all is well" not in said
    assert "1 warning: alertmanager late" in said


async def test_doctor_tells_lax_files_and_where_the_log_is(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(config.parent / "home"))
    config.chmod(0o600)
    assert await report(config) == 0
    said = capsys.readouterr().out
    assert said.endswith("all is well\n")
    assert f"log: {log_path()}" in said
    config.chmod(0o644)
    assert await report(config) == 0
    said = capsys.readouterr().out
    assert f"warns  files: the configuration {config} has mode 0644" in said
    assert "1 warning: files" in said
    config.chmod(0o622)
    assert await report(config) == 1
    assert "1 fails: files" in capsys.readouterr().out


async def test_the_demo_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    code = await run_line("/circuit status", config=None, demo=True, as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["demo"]) == (0, True)


async def test_a_reader_that_leaves_and_an_interrupt_end_it_quietly(config: Path) -> None:
    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            # A suite that was started in the background hands down an ignored SIGINT, which Python keeps.
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from console.cli import main; sys.exit(main(sys.argv[1:]))",
            *("--config", str(config), "exec", "/alerts list"),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    left = await start()
    assert left.stdout is not None
    left.stdout._transport.close()  # type: ignore[attr-defined]  # what `head` does when it has seen enough
    assert await left.wait() == 141
    assert left.stderr is not None
    assert await left.stderr.read() == b""

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        await reader.read()
        writer.close()

    asked = asyncio.Event()
    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config.write_text(f'[[sre.alertmanager]]\nname = "slow"\nurls = ["http://127.0.0.1:{port}"]\n')
    hanging = await start()
    await asked.wait()
    hanging.send_signal(signal.SIGINT)
    assert await hanging.wait() == 130
    assert hanging.stderr is not None
    assert b"Traceback" not in await hanging.stderr.read()
    server.close()


async def test_an_alert_that_must_fire_and_does_not(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    expected = 'environment = "production"\n'
    config.write_text(config.read_text().replace(expected, expected + 'must_fire = ["Watchdog"]\n'))
    assert await run_line("/alerts list", config=config, demo=False, as_json=False, yes=False) == 0
    assert "NO HEARTBEAT" not in capsys.readouterr().out
    config.write_text(config.read_text().replace('["Watchdog"]', '["Watchdog", "Heartbeat"]'))
    assert await run_line("/alerts list", config=config, demo=False, as_json=False, yes=False) == 1
    assert "NO HEARTBEAT: Heartbeat does not fire in prod, so alerts may not arrive" in capsys.readouterr().out


async def test_an_ack_is_listed_and_given_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, listed = await run_json(capsys, "/alerts list @state=firing", config)
    alert = next(one for one in listed["data"] if one["name"] == "Watchdog")
    id = f"prod/{alert['fingerprint']}"
    code, refused = await run_json(capsys, f"/alerts unack {id}", config)
    assert (code, refused["message"]) == (1, "nobody has acknowledged Watchdog")
    assert (await run_json(capsys, f"/alerts ack {id} --note looking", config))[0] == 0
    _, acks = await run_json(capsys, "/alerts silences --acks looking", config)
    ack = next(one for one in acks["data"] if one["mutes"] and "Watchdog" in str(one["matchers"]))
    assert (ack["ack"], ack["created_by"], ack["state"]) == (True, "op-a", "active")
    _, shown = await run_json(capsys, f"/alerts show {id}", config)
    assert (shown["data"]["standing"], shown["data"]["ack"]["owner"]) == ("acked", "op-a")
    assert (await run_json(capsys, f"/alerts unack {id}", config))[0] == 0
    _, shown = await run_json(capsys, f"/alerts show {id}", config)
    assert shown["data"]["ack"] is None
    _, acks = await run_json(capsys, "/alerts silences --acks looking", config)
    assert ack["id"] not in [one["id"] for one in acks["data"]]
    _, acks = await run_json(capsys, "/alerts silences --expired --acks looking", config)
    assert [one["state"] for one in acks["data"] if one["id"] == ack["id"]] == ["expired"]
    _, unused = await run_json(capsys, "/alerts silences --unused", config)
    assert [one for one in unused["data"] if one["mutes"]] == []


async def test_an_ack_is_taken_back_by_its_number_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, listed = await run_json(capsys, "/alerts list", config)
    alert = next(one for one in listed["data"] if one["standing"] == "firing")
    _, acked = await run_json(capsys, f"/alerts ack {alert['fingerprint']}", config)
    assert acked["undo"].startswith("/undo ")
    _, before = await run_json(capsys, "/undo", config)
    assert (before["command"], before["data"][0]["can_be_undone"]) == ("/undo list", True)
    assert (await run_json(capsys, "/undo last", config))[0] == 1  # asks, and nobody agrees
    code, undone = await run_json(capsys, acked["undo"], config)
    assert (code, undone["status"]) == (0, "done"), undone
    code, again = await run_json(capsys, acked["undo"], config)
    assert (code, "taken back already" in again["message"]) == (1, True)
    _, after = await run_json(capsys, f"/alerts list alertname={alert['name']}", config)
    assert [one["standing"] for one in after["data"] if one["fingerprint"] == alert["fingerprint"]] == ["firing"]
    _, audit = await run_json(capsys, "/audit list --limit 2 --decision allowed", config)
    assert [one["undoes"] for one in audit["data"]] == [1, None]


async def test_the_audit_goes_to_stdout_alone_and_is_named_broken_once_altered(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = config.parent / "heads.jsonl"
    config.write_text(f'{config.read_text()}\n[sre.audit]\nanchor_file = "{heads}"\n')
    for line in ("/circuit open", '/circuit close --reason "over"'):
        await run_json(capsys, line, config)
    assert len(heads.read_text().splitlines()) == 2
    assert await run_line("/audit export --kind circuit.close", config=config) == 0
    said = capsys.readouterr()
    (entry,) = [json.loads(one) for one in said.out.splitlines()]
    assert (entry["action"], said.err) == ("circuit.close", "1 entry written\n")
    code, refused = await run_json(capsys, "/audit export", config)
    assert (code, refused["message"]) == (1, "say where to: there is no stdout here")
    code, whole = await run_json(capsys, "/audit verify", config)
    assert (code, whole["data"]["anchored"]) == (0, 2)
    store = sqlite3.connect(config.parent / "state" / "store.db")
    with store:
        store.execute("UPDATE audit SET operator = 'op-x' WHERE sequence = 1")
    store.close()
    code, broken = await run_json(capsys, "/audit verify", config)
    assert (code, broken["data"]["broken_at"]) == (1, 1)
    assert "entry 1 was altered after it was written" in broken["message"]
