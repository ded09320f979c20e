"""Where the store is, read from its URL by hand: the check of the configuration needs it and must stay light."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote

from services.vocabulary.errors import StoreError

_SQLITE = ("sqlite", "sqlite+aiosqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_EXAMPLES = "write for example sqlite:////var/lib/console.db or postgresql://user@host/database"

# What libpq may be told in the URL; a secret is no part of it.
_PARAMETERS = frozenset(
    (
        *("service", "host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts", "application_name"),
        *("passfile", "require_auth", "channel_binding", "gssencmode", "gsslib", "krbsrvname"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "sslsni", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "connect_timeout", "tcp_user_timeout"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    )
)
_SECRETS = ("password", "sslpassword", "oauth_client_secret")
_TLS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file of this machine.

    Attributes:
        path: absolute.
    """

    path: Path

    @property
    def name(self) -> str:
        """How messages name it."""
        return str(self.path)

    @property
    def identity(self) -> str:
        """The same for every way to write the URL of one store."""
        return f"sqlite {self.path.resolve()}"


@dataclass(frozen=True, slots=True)
class PostgresqlAddress:
    """A database that a team shares.

    Attributes:
        name: how messages name it; holds no secret.
        parameters: what libpq is told, by libpq's own names.
        schema: the schema of the tables; empty for the one that the server chooses.
    """

    name: str
    parameters: Mapping[str, str]
    schema: str = ""

    @property
    def identity(self) -> str:
        """The same for every way to write the URL of one store, whoever asks and however it is encrypted."""
        place = [f"{key}={self.parameters.get(key, '')}" for key in ("service", "host", "hostaddr", "port", "dbname")]
        return " ".join(("postgresql", *place, f"schema={self.schema}"))

    @property
    def local(self) -> bool:
        """Whether every host is this machine: a socket in the file system or the loopback."""
        if "service" in self.parameters:
            return False
        hosts = self.parameters.get("hostaddr", "") or self.parameters.get("host", "")
        return all(_loopback(host) for host in hosts.split(","))


Address = SqliteAddress | PostgresqlAddress


def parse_address(url: str) -> Address:
    """What the URL of the store says.

    ``sqlite:///PATH`` (``~`` is the home directory), or ``postgresql://user@host:port/database?sslmode=…&schema=…``
    with several hosts, sockets and services as libpq knows them.

    Raises:
        StoreError: another scheme, no file, a password in it, a parameter that there is not, or no URL at all.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme:
        raise StoreError("the store's URL cannot be read", _EXAMPLES)
    if scheme in _SQLITE:
        return SqliteAddress(_sqlite_path(rest))
    if scheme in _POSTGRESQL:
        return _postgresql(rest)
    raise StoreError(f"the store cannot be kept in {scheme}", _EXAMPLES)


def _sqlite_path(rest: str) -> Path:
    host, _, database = rest.partition("?")[0].partition("/")
    if host or not database or database == ":memory:" or database.startswith("file:"):
        raise StoreError("the store needs a file", "write for example sqlite:////var/lib/console.db")
    return Path(database).expanduser().absolute()


def _postgresql(rest: str) -> PostgresqlAddress:
    place, _, query = rest.partition("?")
    authority, _, database = place.partition("/")
    user, at, hosts = authority.rpartition("@")
    if ":" in user:
        raise StoreError(
            "a password must not be written into the store's URL",
            'leave it out and set password = "env:NAME" under [sre.store], or use ~/.pgpass',
        )
    parameters = _query(query)
    schema = parameters.pop("schema", "")
    if schema and not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise StoreError(f"{schema!r} cannot be the store's schema", "use small letters, digits and underscores")
    if at:
        parameters["user"] = _unquoted(user)
    if hosts:
        parameters |= _hosts(hosts)
    if database:
        parameters["dbname"] = _unquoted(database)
    if "dbname" not in parameters and "service" not in parameters:
        raise StoreError("the store's URL names no database", "write for example postgresql://user@host/database")
    name = "postgresql://" + place
    shown = [f"{key}={parameters[key]}" for key in ("service", "host") if key in parameters and not hosts]
    shown += [f"schema={schema}"] if schema else []
    return PostgresqlAddress(name + ("?" + "&".join(shown) if shown else ""), MappingProxyType(parameters), schema)


def _query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise StoreError(
            "the store's URL cannot be read behind its question mark", "write name=value&name=value"
        ) from None
    for name, value in pairs:
        if name in _SECRETS:
            raise StoreError(
                f"{name} must not be written into the store's URL",
                'set password = "env:NAME" under [sre.store], or use ~/.pgpass',
            )
        if name != "schema" and name not in _PARAMETERS:
            raise StoreError(
                f"{name!r} is no parameter of the store's URL", f"there are {', '.join(sorted(_PARAMETERS))}"
            )
        if name == "sslmode" and value not in _TLS:
            raise StoreError(f"{value!r} is no sslmode", f"there are {', '.join(_TLS)}")
    return dict(pairs)


def _hosts(text: str) -> dict[str, str]:
    hosts, ports = [], []
    for one in text.split(","):
        found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?", one)
        if found is None:
            raise StoreError(f"{one!r} is no host of a store", "write host, host:port or [IPv6]:port")
        hosts.append(_unquoted(found[1]).strip("[]"))
        ports.append(found[2] or "")
    return {"host": ",".join(hosts)} | ({"port": ",".join(ports)} if any(ports) else {})


def _unquoted(text: str) -> str:
    decoded = unquote(text)
    if not decoded.isprintable():
        raise StoreError("the store's URL holds a control character", _EXAMPLES)
    return decoded


def _loopback(host: str) -> bool:
    return host in ("", "localhost", "::1") or host.startswith(("/", "@", "127."))
