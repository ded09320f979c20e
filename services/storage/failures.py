"""What a database says when it fails, in words that help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.vocabulary.errors import StoreError, StoreLost

_FULL = "make room on the disk; nothing of this write was kept"
_LOCKED = ("is locked by another program", "close what holds it, then try again")
_LACKS = ("lacks tables that this version needs", "open it once with a writing console")
_URL = "under [sre.store] url"

_MEANINGS = (
    (("database is locked", "table is locked"), *_LOCKED),
    (("disk is full",), "has no room: the disk is full", _FULL),
    (
        ("not a database", "malformed", "encrypted"),
        "is damaged",
        "move the file aside and keep it: most of it can be recovered with sqlite3 .recover; "
        'sre-console store init --reason "…" then starts a new one',
    ),
    (("readonly database", "read-only"), "cannot be written", "check the owner and mode of the file and its directory"),
    (("disk i/o error",), "cannot be reached on its disk", "check the disk and the system's log"),
    (("unable to open",), "cannot be opened", "check the owner and mode of the file and its directory"),
    (("no such table", "no such column"), *_LACKS),
)

# What means that nobody can tell any more what the store holds.
_LOST = frozenset(("is damaged", "cannot be reached on its disk", "cannot be opened"))
_LOST_STATES = ("08", "3D000", "3F000", "42P01", "57P", "58", "XX001")

# By the beginning of the SQLSTATE (PostgreSQL, appendix A); the longest beginning counts.
_STATES = {
    "08": ("lost its connection", "nothing of this was kept; try again"),
    "25006": ("cannot be written: the server is read-only", f"name the primary server {_URL}"),
    "28": ("does not let this user in", 'set password = "env:NAME" under [sre.store], or see pg_hba.conf'),
    "3D000": ("does not exist on its server", f"make it with createdb, or name another database {_URL}"),
    "3F000": ("has no such schema", "open it once with a console that may write"),
    "40": ("is busy", "nothing of this was kept; try again"),
    "42501": ("does not allow this user what the console needs", "let the database's owner grant it"),
    "42703": _LACKS,
    "42P01": _LACKS,
    "53100": ("has no room: the server's disk is full", _FULL),
    "53200": ("has no memory left", "look at the server; nothing of this was kept"),
    "53300": ("takes no more connections", "raise max_connections on the server, or close consoles"),
    "55P03": _LOCKED,
    "57014": ("took too long and was stopped", "look at the server's load; nothing of this was kept"),
    "57P": ("is being stopped or started", "nothing of this was kept; try again in a moment"),
    "25P03": ("waited too long for this console", "nothing of this was kept; try again"),
    "58": ("cannot be reached on its server's disk", "look at the server's log"),
    "XX001": ("is damaged", "look at the server's log, then restore the database from a copy"),
    "XX002": ("is damaged", "rebuild the index that the server's log names"),
}

# What libpq says where there is no session yet, and so no SQLSTATE. Servers may say it in another language; then the
# sentence itself is shown.
_REFUSALS = (
    (("password authentication failed", "no password supplied", "no pg_hba.conf entry", "authentication failed"), "28"),
    (("starting up", "shutting down", "not yet accepting connections"), "57P"),
    (("too many connections", "too many clients", "remaining connection slots"), "53300"),
    (("server closed the connection", "terminating connection", "connection is lost", "connection is closed"), "08"),
)
_UNREACHABLE = "start the server, or name another one " + _URL
_CERTIFICATE = "name the certificate of its authority with ?sslrootcert=FILE in the url, or use the name that it proves"


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn every database failure inside into a :class:`StoreError` about the store ``name``."""
    try:
        yield
    except DBAPIError as error:
        raise explain(name, error.orig) from error
    except PoolTimeoutError as error:
        raise StoreError(f"the store is busy: {name}", "try again") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store failed: {name}: {error}") from error


def explain(name: str, error: BaseException | None) -> StoreError:
    """What the driver's ``error`` means for the store ``name``."""
    said = " ".join(str(error).split())
    if hasattr(error, "sqlstate"):  # PostgreSQL's drivers say one, or None
        return _of_postgresql(name, str(getattr(error, "sqlstate", None) or ""), said)
    lowered = said.lower()
    for signs, meaning, hint in _MEANINGS:
        if any(sign in lowered for sign in signs):
            kind = StoreLost if meaning in _LOST else StoreError
            return kind(f"the store {meaning}: {name}", hint)
    return StoreError(f"the store failed: {name}: {said}")


def _of_postgresql(name: str, state: str, said: str) -> StoreError:
    lowered = said.lower()
    if not state:
        state = next((found for signs, found in _REFUSALS if any(sign in lowered for sign in signs)), "")
    if not state and "database" in lowered and "does not exist" in lowered:
        state = "3D000"
    for length in (5, 3, 2):
        if len(state) >= length and (known := _STATES.get(state[:length])):
            detail = f": {said}" if state[:2] in ("28", "42") else ""
            kind = StoreLost if state.startswith(_LOST_STATES) else StoreError
            return kind(f"the store {known[0]}: {name}{detail}", known[1])
    if state:
        return StoreError(f"the store failed: {name}: {said}")
    if "certificate" in lowered or "ssl" in lowered:
        return StoreLost(f"the store cannot be reached safely: {name}: {said}", _CERTIFICATE)
    return StoreLost(f"the store cannot be reached: {name}: {said}", _UNREACHABLE)
