"""The gateway does what its own description says: schemathesis asks it everything that fits it, and what does not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from services.gateway.model import Scope
from services.gateway.openapi import describe
from services.incidents.model import IncidentState
from services.vocabulary.clock import SystemClock
from tests.support.clock import EPOCH
from tests.support.desk import make_alert, make_incident
from tests.support.gateway import Gateway, running_gateway
from tests.support.store import OPERATOR

EXAMPLES = "40"


async def ask_everything(gateway: Gateway, secret: str, directory: Path, checks: str = "all") -> tuple[int, str]:
    """What schemathesis says of the gateway, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(Path(__file__).with_name("schemathesis.toml")),
        ),
        *("run", f"{gateway.url}/openapi.json", "--header", f"Authorization: Bearer {secret}"),
        *("--checks", checks, "--max-examples", EXAMPLES, "--generation-deterministic"),
        *("--suppress-health-check", "all", "--request-timeout", "60", "--continue-on-failure"),
        *("--warnings", "off", "--no-color"),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return await process.wait(), said.decode()


@pytest.mark.timeout(600)
async def test_everything_that_can_be_asked_is_answered_as_described(tmp_path: Path) -> None:
    alerts = [make_alert("Down", "critical", EPOCH)]
    incidents = [make_incident(1, "a", EPOCH), make_incident(2, "b", EPOCH, state=IncidentState.RESOLVED)]
    async with running_gateway(tmp_path, SystemClock(), alerts=alerts, incidents=incidents) as gateway:
        await gateway.breaker.open(OPERATOR, "it has a row", scope="alertmanager prod")
        code, said = await ask_everything(gateway, gateway.secret, tmp_path)
        assert code == 0, said
        assert "6 selected / 6 total" in said
        assert not gateway.broken
        assert (await gateway.audit.verify()).whole


@pytest.mark.timeout(600)
async def test_whoever_may_only_read_gets_no_further(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, SystemClock(), writable=False) as gateway:
        secret = await gateway.new_token(Scope.READ)
        code, said = await ask_everything(gateway, secret, tmp_path, "not_a_server_error,content_type_conformance")
        assert code == 0, said
        assert not gateway.broken
        assert (await gateway.breaker.read()).revision == 0


def test_the_description_names_what_its_answers_are() -> None:
    description = describe("1.2.3")
    assert description["info"]["version"] == "1.2.3"
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert {"200", "406", "421", "429", "503"} <= set(operation["responses"]), (path, method)
            needs_token = operation["security"] != []
            assert ("401" in operation["responses"]) == needs_token
            assert needs_token == (path not in ("/healthz", "/openapi.json"))
