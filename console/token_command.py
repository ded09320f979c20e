"""``sre-console token create|list|revoke``: who may use the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli import complain, complain_lines, refuse, say
from console.configuration.paths import named_config
from console.opening import open_backend
from services.command import Column, Table
from services.gateway.model import Scope, Token
from services.registry.rendering import table_lines
from services.safety.actor import Surface
from services.vocabulary.clock import SystemClock
from services.vocabulary.durations import DurationError, parse_duration
from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display

if TYPE_CHECKING:
    from console.log import Log
    from console.wiring import Backend
    from services.gateway.tokens import TokenRepository

_COLUMNS = (
    Column("TOKEN", numeric=True),
    Column("NAME"),
    Column("SCOPES"),
    Column("STATE"),
    Column("MADE (UTC)"),
    Column("BY"),
    Column("EXPIRES (UTC)"),
)

_Task = Callable[["Backend", "TokenRepository"], Awaitable[None]]


def create(name: str, scopes: Sequence[str], expires: str | None, *, config: str | None, log: Log | None = None) -> int:
    """Make a token and print it, alone on stdout, this once.

    Returns:
        0 done, 1 refused or failed, 2 wrong usage or no usable configuration.
    """
    try:
        lifetime = None if expires is None else parse_duration(expires)
    except DurationError as error:
        return complain(f"--expires: {display(str(error))}", code=2)

    async def task(backend: Backend, tokens: TokenRepository) -> None:
        token, secret = await tokens.create(backend.actor, name, [Scope(scope) for scope in scopes], lifetime=lifetime)
        say([secret])
        until = "" if token.expires_at is None else f" until {_time(token.expires_at)} UTC"
        complain_lines(
            [
                display(f"token {token.number} {token.name} for {_scopes(token)}{until}"),
                "it is shown this once; give it to the program as Authorization: Bearer",
            ]
        )

    return asyncio.run(_with_tokens(task, named_config(config), log))


def show(*, config: str | None, log: Log | None = None) -> int:
    """List every token that was made, without the secrets."""

    async def task(backend: Backend, tokens: TokenRepository) -> None:
        now = backend.clock.now()
        rows = tuple(_row(token, now) for token in await tokens.all())
        say(table_lines(Table(_COLUMNS, rows)) if rows else ["there is no token"])

    return asyncio.run(_with_tokens(task, named_config(config), log))


def revoke(number: int, *, config: str | None, log: Log | None = None) -> int:
    """Make a token worth nothing."""

    async def task(backend: Backend, tokens: TokenRepository) -> None:
        token = await tokens.revoke(backend.actor, number)
        say([display(f"token {token.number} {token.name} is revoked")])

    return asyncio.run(_with_tokens(task, named_config(config), log))


async def _with_tokens(task: _Task, config: Path | None, log: Log | None) -> int:
    try:
        backend = await open_backend(clock=SystemClock(), surface=Surface.EXEC, config=config, log=log)
    except ConsoleError as error:
        return refuse(error)
    try:
        from services.gateway.tokens import TokenRepository

        await task(backend, TokenRepository((await backend.open_records()).store, backend.clock))
    except ConsoleError as error:
        return complain(display(error.message), display(error.hint), code=1)
    finally:
        await backend.close()
    return 0


def _row(token: Token, now: datetime) -> tuple[str, ...]:
    return (
        str(token.number),
        token.name,
        _scopes(token),
        token.standing(now),
        _time(token.created_at),
        token.created_by,
        "never" if token.expires_at is None else _time(token.expires_at),
    )


def _scopes(token: Token) -> str:
    return ", ".join(scope.value for scope in Scope if scope in token.scopes)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
