"""Connections to PostgreSQL: how the server is reached, and what each session is told first."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from services.storage.address import PostgresqlAddress
from services.vocabulary.errors import ConsoleError, StoreError

OLDEST = 14
"""The oldest PostgreSQL that is supported; versions end five years after they began."""

STATEMENT = 30.0
"""Seconds that one statement may take."""

ABANDONED = 10.0
"""Seconds after which the server ends a transaction whose console has gone silent, so that nobody waits for it."""

# Distributions of Linux keep the certificates that they trust in one of these.
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

_SESSION = """
SELECT session_user, current_setting('server_encoding'),
       set_config('TimeZone', 'UTC', false),
       set_config('lock_timeout', %(lock)s, false),
       set_config('statement_timeout', %(statement)s, false),
       set_config('idle_in_transaction_session_timeout', %(abandoned)s, false),
       set_config('default_transaction_read_only', %(read_only)s, false),
       set_config('search_path', COALESCE(quote_ident(NULLIF(%(schema)s, '')), current_setting('search_path')), false),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit')
                  WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""


class Connector:
    """Makes connections to one database."""

    def __init__(
        self, address: PostgresqlAddress, *, read_only: bool, busy: float, password: Callable[[], str] | None
    ) -> None:
        """Nothing is connected yet.

        Args:
            address: where.
            read_only: whether the server is to refuse every write of these connections.
            busy: seconds to wait for a lock, and for the server's first answer.
            password: asked at each new connection, in a thread; None leaves it to libpq.
        """
        self.address = address
        self.user = ""
        self._busy = busy
        self._password = password
        self._parameters = _parameters(address, busy)
        self._session = {
            "lock": str(max(1, round(busy * 1000))),
            "statement": str(round(STATEMENT * 1000)),
            "abandoned": str(round(ABANDONED * 1000)),
            "read_only": "on" if read_only else "off",
            "schema": address.schema,
        }

    @property
    def verified(self) -> bool:
        """Whether an answer can come from nobody but the server that is meant."""
        return self.address.local or self._parameters.get("sslmode") == "verify-full"

    async def connect(self) -> psycopg.AsyncConnection[Any]:
        """A connection whose transactions begin where somebody says BEGIN.

        Raises:
            psycopg.Error: the server does not answer, or does not let us in.
            StoreError: there is no password where one is named, or the server cannot keep our records.
        """
        parameters = dict(self._parameters)
        if self._password is not None:
            try:
                parameters["password"] = await asyncio.to_thread(self._password)
            except ConsoleError as error:
                raise StoreError(
                    f"the password of the store {self.address.name} cannot be read: {error.message}", error.hint
                ) from error
        connection = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        try:
            await self._begin_session(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _begin_session(self, connection: psycopg.AsyncConnection[Any]) -> None:
        name = self.address.name
        if connection.info.server_version < OLDEST * 10_000:
            raise StoreError(
                f"the store {name} is on PostgreSQL {connection.info.server_version // 10_000}",
                f"PostgreSQL {OLDEST} or newer is needed",
            )
        row = await (await connection.execute(_SESSION, self._session)).fetchone()
        if row is None:
            raise StoreError(f"the store {name} does not answer as PostgreSQL does")
        user, encoding = row[0], row[1]
        if encoding != "UTF8":
            raise StoreError(
                f"the store {name} cannot keep every text: its encoding is {encoding}",
                "make the database anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
            )
        self.user = str(user)


def _parameters(address: PostgresqlAddress, busy: float) -> dict[str, Any]:
    # What the URL says goes before what is usual here; what neither says is libpq's own (environment, files).
    usual: dict[str, Any] = {
        "application_name": "sre-console",
        "connect_timeout": max(2, round(busy)),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "client_encoding": "utf8",
    }
    given = dict(address.parameters)
    if not address.local and "service" not in given and "sslmode" not in given and "PGSSLMODE" not in os.environ:
        given["sslmode"] = "verify-full"
    own = Path("~/.postgresql/root.crt").expanduser()
    if (
        given.get("sslmode", "").startswith("verify")
        and "sslrootcert" not in given
        and "PGSSLROOTCERT" not in os.environ
        and not own.is_file()
        and (bundle := _bundle())
    ):
        given["sslrootcert"] = bundle
    return usual | given


def _bundle() -> str:
    # The OpenSSL that comes with the driver looks for certificates where its builder kept them.
    return next(
        (path for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES) if path and Path(path).is_file()), ""
    )
