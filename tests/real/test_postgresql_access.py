"""How the program gets to a PostgreSQL: passwords from where they are kept, and proof of who answers."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.postgresql import (
    PostgresqlServer,
    encrypts,
    find_binaries,
    free_port,
    own_server,
    ready_template,
    tls_binaries,
)
from tests.support.postgresql_front import front
from tests.support.program import PROGRAM, ROOT, own_environment, write_config

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

PASSWORD = "correct horse/battery+staple"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server that wants a password of ``ann``; its superuser needs none."""
    with own_server(port=free_port()) as server:
        server.execute(f"CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'")
        server.allow("host all ann 127.0.0.1/32 scram-sha-256")
        yield server


@pytest.fixture
def database(server: PostgresqlServer) -> str:
    """A database that is ann's."""
    name = server.create_database(ready_template(server))
    server.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO ann", database=name)
    return name


async def runs(directory: Path, store: str, *arguments: str, **environment: str) -> tuple[int | None, str]:
    """The exit code of the program, and all that it said."""
    config = write_config(directory, store=store)
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "--config", str(config), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=own_environment(directory) | environment,
        cwd=ROOT,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def circuit(directory: Path, store: str, **environment: str) -> dict[str, Any]:
    """What ``exec /circuit status`` answers."""
    _, out = await runs(directory, store, "exec", "--json", "/circuit status", **environment)
    answer: dict[str, Any] = json.loads(out)
    return answer


async def test_a_password_comes_from_environment_file_or_keyring(
    tmp_path: Path, server: PostgresqlServer, database: str
) -> None:
    url = f'url = "{server.url(database, user="ann")}"'
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n")
    ring = {"PYTHON_KEYRING_BACKEND": "tests.support.keyring_of_environment.EnvironmentKeyring", "PYTHONPATH": ROOT}
    for reference, environment in (
        ("env:TEAM_PASSWORD", {"TEAM_PASSWORD": PASSWORD}),
        (f"file:{secret}", {}),
        ("keyring:ann", {**ring, "TEST_KEYRING": f"sre-console/ann={PASSWORD}"}),
        ("keyring:team/ann", {**ring, "TEST_KEYRING": f"team/ann={PASSWORD}"}),
    ):
        answer = await circuit(tmp_path / "c", f'{url}\npassword = "{reference}"', **environment)
        assert answer["ok"], (reference, answer)
    code, said = await runs(tmp_path / "c", f'{url}\npassword = "file:{secret}"', "doctor")
    assert code == 0
    assert "PostgreSQL " in said
    assert PASSWORD not in said


async def test_a_password_that_is_wrong_or_missing_is_told_and_never_shown(
    tmp_path: Path, server: PostgresqlServer, database: str
) -> None:
    url = f'url = "{server.url(database, user="ann")}"'
    wrong = "incorrect horse"
    for line, environment, words in (
        ("", {}, "does not let this user in"),
        ('\npassword = "env:TEAM_PASSWORD"', {"TEAM_PASSWORD": wrong}, "does not let this user in"),
        ('\npassword = "env:TEAM_PASSWORD"', {}, "TEAM_PASSWORD is not set"),
        ('\npassword = "file:/nowhere/secret"', {}, "/nowhere/secret cannot be read"),
    ):
        answer = await circuit(tmp_path / "c", url + line, **environment)
        assert not answer["ok"]
        assert words in json.dumps(answer)
        assert wrong not in json.dumps(answer)
        code, said = await runs(tmp_path / "c", url + line, "doctor", **environment)
        assert (code in (1, 2), words in said) == (True, True), said
        assert wrong not in said
    for file in (tmp_path / "c" / "home").rglob("*.*"):
        assert wrong not in file.read_text(), file


@pytest.mark.parametrize("who", ["the server", "a front of it"])
async def test_a_server_proves_its_name_before_anything_is_told(tmp_path: Path, who: str) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs", "another authority")
    files = ours.sign("localhost")
    binaries = tls_binaries() if who == "the server" else find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here knows TLS")
    async with AsyncExitStack() as stack:
        server = stack.enter_context(own_server(binaries=binaries, port=free_port(), started=False))
        if who == "the server":
            assert encrypts(binaries)
            for file in (files.certificate, files.key):
                server.adopt(file)
            server.start("ssl=on", f"ssl_cert_file={files.certificate.name}", f"ssl_key_file={files.key.name}")
            server.allow("hostssl all all 127.0.0.1/32 trust")
            port = server.port
        else:
            server.start()
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(files.certificate, files.key)
            port = (await stack.enter_async_context(front(server.port, tls=context))).port
        name = server.create_database(ready_template(server))
        place = f"postgresql://postgres@localhost:{port}/{name}?hostaddr=127.0.0.1"
        full = f'url = "{place}&sslmode=verify-full&sslrootcert={ours.certificate}"'

        assert (await circuit(tmp_path / "c", full))["ok"]
        code, said = await runs(tmp_path / "c", full, "doctor")
        assert code == 0
        assert "PostgreSQL " in said
        for wrong in (
            f'url = "{place}&sslmode=verify-full&sslrootcert={theirs.certificate}"',
            f'url = "{place.replace("localhost:", "127.0.0.1:")}&sslmode=verify-full&sslrootcert={ours.certificate}"',
        ):
            answer = await circuit(tmp_path / "c", wrong)
            assert not answer["ok"]
            assert "the store cannot be reached safely" in answer["message"]
            assert "?sslrootcert=FILE" in json.dumps(answer)


async def test_a_team_that_follows_the_readme_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", (Path(ROOT) / "README.md").read_text(), re.DOTALL)
    as_administrator, in_the_database = blocks
    with own_server(port=free_port()) as server:
        for statement in filter(str.strip, as_administrator.split(";")):
            server.execute(statement)
        owner, ann = (f'url = "{server.url("sre_console", user=user)}"' for user in ("sre_console_owner", "ann"))
        code, said = await runs(tmp_path / "owner", owner, "store", "init", "--reason", "first start")
        assert (code, "made" in said) == (0, True), said
        for statement in filter(str.strip, in_the_database.split(";")):
            server.execute(statement, database="sre_console")
        for line in ("/circuit open", '/circuit close --reason "over"', '/incident create "Checkout is down"'):
            code, said = await runs(tmp_path / "ann", ann, "exec", line)
            assert code == 0, said
        assert (await circuit(tmp_path / "ann", ann))["data"]["state"] == "closed"
        code, said = await runs(tmp_path / "ann", ann, "exec", "/audit verify")
        assert (code, "is whole" in said) == (0, True), said
        code, said = await runs(tmp_path / "ann", ann, "doctor")
        assert code == 0, said
