"""Keeps the tokens of the gateway in the store. Making and revoking one is on record in the audit."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.gateway.model import Scope, Token
from services.gateway.secret import digest_of, new_secret
from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.storage.chain import storable
from services.storage.changes import Changes
from services.storage.engine import Store
from services.storage.tables import counters, gateway_tokens
from services.vocabulary.clock import Clock
from services.vocabulary.errors import Conflict, NotFound, Refused, StoreError

_COUNTER = "gateway_tokens"
LONGEST_NAME = 60


class TokenRepository:
    """Makes, lists and revokes tokens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Nothing is read before the first call."""
        self._store = store
        self._clock = clock
        self._audit = Audit(store)

    async def create(
        self, actor: Actor, name: str, scopes: Collection[Scope], *, lifetime: timedelta | None = None
    ) -> tuple[Token, str]:
        """Make a token.

        Args:
            actor: who makes it.
            name: who will act through it; by default ``token-`` and its number.
            scopes: what it may be used for; at least one.
            lifetime: for how long; None for ever.

        Returns:
            The token, and its secret, which is kept nowhere.

        Raises:
            Refused: no scope, or a name that cannot be one.
            Conflict: a valid token has this name.
            StoreError: it could not be kept.
        """
        name, now = name.strip(), self._clock.now()
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise Refused(f"a token's name is printable and has at most {LONGEST_NAME} characters", "--name deploy-bot")
        if not scopes:
            raise Refused("a token needs a scope", f"--scope {' or --scope '.join(one.value for one in Scope)}")
        if lifetime is not None and lifetime <= timedelta(0):
            raise Refused("a token cannot expire before it is made")
        secret = new_secret()
        async with self._store.write() as connection:
            taken = {one.name for one in await _read(connection) if one.standing(now) == "valid"}
            if name in taken:
                raise Conflict(f"there is a token {name} already", "name this one otherwise, or revoke that one first")
            counting = update(counters).where(counters.c.name == _COUNTER).values(value=counters.c.value + 1)
            await connection.execute(counting)
            number = (
                await connection.execute(select(counters.c.value).where(counters.c.name == _COUNTER))
            ).scalar_one()
            token = Token(
                number=number,
                name=storable(name) or f"token-{number}",
                scopes=frozenset(scopes),
                digest=digest_of(secret.encode()),
                created_at=now,
                created_by=storable(actor.operator),
                expires_at=None if lifetime is None else now + lifetime,
            )
            await connection.execute(insert(gateway_tokens).values(**_values(token)))
            granted = " and ".join(scope.value for scope in Scope if scope in token.scopes)
            await self._record(connection, actor, "create", f"token {number} {token.name} made for {granted}")
        return token, secret

    async def all(self) -> tuple[Token, ...]:
        """Every token that was ever made, by number.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._store.read() as connection:
            return await _read(connection)

    def changes(self) -> Changes[Token]:
        """All tokens a reading, for a poller; reads again only when somebody wrote."""
        return Changes(self._store, self.all)

    async def revoke(self, actor: Actor, number: int) -> Token:
        """Make a token worth nothing, at once and for ever. Revoking it again changes nothing.

        Raises:
            NotFound: there is none with this number.
            StoreError: it could not be kept; the token may still be valid.
        """
        async with self._store.write() as connection:
            before = next((one for one in await _read(connection) if one.number == number), None)
            if before is None:
                raise NotFound(f"there is no token {number}", "sre-console token list")
            if before.revoked_at is not None:
                return before
            await connection.execute(
                update(gateway_tokens)
                .where(gateway_tokens.c.number == number)
                .values(revoked_at=self._clock.now(), revoked_by=storable(actor.operator))
            )
            await self._record(connection, actor, "revoke", f"token {number} {before.name} revoked")
            return next(one for one in await _read(connection) if one.number == number)

    async def _record(self, connection: AsyncConnection, actor: Actor, verb: str, message: str) -> None:
        await self._audit.append(
            connection,
            AuditRecord(
                actor=self._audit.known(actor),
                command=f"sre-console token {verb}",
                action=f"gateway.token.{verb}",
                decision=Decision.ALLOWED,
                rule="always allowed",
                outcome="done",
                message=message,
            ),
        )


async def _read(connection: AsyncConnection) -> tuple[Token, ...]:
    rows = await connection.execute(select(gateway_tokens).order_by(gateway_tokens.c.number))
    return tuple(_token(row) for row in rows)


def _values(token: Token) -> dict[str, Any]:
    return {
        "number": token.number,
        "name": token.name,
        "scopes": json.dumps([scope.value for scope in Scope if scope in token.scopes]),
        "digest": token.digest.hex(),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "revoked_by": "",
    }


def _token(row: Row[Any]) -> Token:
    try:
        # A scope that only a newer console knows grants nothing here.
        known = {scope.value: scope for scope in Scope}
        scopes = frozenset(known[name] for name in json.loads(row.scopes) if name in known)
        digest = bytes.fromhex(row.digest)
    except (ValueError, TypeError):
        raise StoreError(f"token {row.number} cannot be read", "revoke it, or restore the store from a copy") from None
    return Token(
        row.number, row.name, scopes, digest, row.created_at, row.created_by, row.expires_at, _at(row), row.revoked_by
    )


def _at(row: Row[Any]) -> datetime | None:
    at: datetime | None = row.revoked_at
    return at
