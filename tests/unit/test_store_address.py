"""What the URL of a store says, and what it must not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.storage.address import PostgresqlAddress, SqliteAddress, parse_address
from services.vocabulary.errors import StoreError


def postgresql(url: str) -> PostgresqlAddress:
    address = parse_address(url)
    assert isinstance(address, PostgresqlAddress)
    return address


def test_a_file_is_absolute_and_knows_the_home_directory() -> None:
    assert parse_address("sqlite:////var/lib/console.db") == SqliteAddress(Path("/var/lib/console.db"))
    home = parse_address("sqlite:///~/console.db")
    assert isinstance(home, SqliteAddress)
    assert home.path == Path.home() / "console.db"


@pytest.mark.parametrize(
    ("url", "parameters", "local"),
    [
        ("postgresql://op@db/oncall", {"user": "op", "host": "db", "dbname": "oncall"}, False),
        ("postgres://db:6432/oncall", {"host": "db", "port": "6432", "dbname": "oncall"}, False),
        ("postgresql://op%40home@db/on%20call", {"user": "op@home", "host": "db", "dbname": "on call"}, False),
        ("postgresql://a,b:5433/c", {"host": "a,b", "port": ",5433", "dbname": "c"}, False),
        ("postgresql://localhost,b/c", {"host": "localhost,b", "dbname": "c"}, False),
        ("postgresql://[::1]:5432/c", {"host": "::1", "port": "5432", "dbname": "c"}, True),
        ("postgresql://localhost/c", {"host": "localhost", "dbname": "c"}, True),
        ("postgresql:///c", {"dbname": "c"}, True),
        ("postgresql:///c?host=/run/postgresql", {"dbname": "c", "host": "/run/postgresql"}, True),
        ("postgresql://%2Frun%2Fpostgresql/c", {"host": "/run/postgresql", "dbname": "c"}, True),
        ("postgresql:///?service=oncall", {"service": "oncall"}, False),
        ("postgresql://db/c?sslmode=require", {"host": "db", "dbname": "c", "sslmode": "require"}, False),
    ],
)
def test_a_database_is_told_in_libpqs_words(url: str, parameters: dict[str, str], local: bool) -> None:
    address = postgresql(url)
    assert dict(address.parameters) == parameters
    assert address.local is local


def test_its_name_tells_where_it_is() -> None:
    assert postgresql("postgresql://op@db:5433/oncall?sslmode=require").name == "postgresql://op@db:5433/oncall"
    assert postgresql("postgresql:///c?host=/run/pg&schema=desk").name == "postgresql:///c?host=/run/pg&schema=desk"
    assert postgresql("postgresql://db/c?schema=desk").schema == "desk"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("mysql://db/console", "cannot be kept in mysql"),
        ("console.db", "cannot be read"),
        ("sqlite://", "needs a file"),
        ("postgresql://db", "names no database"),
        ("postgresql://op:secret@db/c", "password must not be written"),
        ("postgresql://db/c?password=secret", "password must not be written"),
        ("postgresql://db/c?sslpassword=secret", "sslpassword must not be written"),
        ("postgresql://db/c?options=-cfsync%3Doff", "is no parameter"),
        ("postgresql://db/c?sslmode=maybe", "is no sslmode"),
        ("postgresql://db/c?schema=Big", "cannot be the store's schema"),
        ('postgresql://db/c?schema=a"b', "cannot be the store's schema"),
        ("postgresql://db/c?sslmode", "behind its question mark"),
        ("postgresql://db:port/c", "is no host"),
        ("postgresql://db/c%00", "control character"),
    ],
)
def test_what_cannot_work_is_refused_without_showing_a_secret(url: str, word: str) -> None:
    with pytest.raises(StoreError, match=word) as refused:
        parse_address(url)
    assert refused.value.hint
    assert "secret" not in str(refused.value)
