"""Tokens: made once, kept as a hash, compared whole; on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from services.gateway.model import Scope, Token
from services.gateway.secret import LONGEST, digest_of, find, new_secret
from services.gateway.tokens import TokenRepository
from services.safety.audit import Audit
from services.storage.tables import gateway_tokens
from services.vocabulary.errors import Conflict, NotFound, Refused, StoreError
from tests.support.clock import EPOCH, ManualClock
from tests.support.store import COLLEAGUE, OPERATOR, temporary_store

BOTH = tuple(Scope)


def a_token(secret: str, number: int = 1) -> Token:
    return Token(number, "robot", frozenset(BOTH), digest_of(secret.encode()), EPOCH, "op-a")


def test_every_secret_is_another_and_long_enough() -> None:
    secrets = {new_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert all(len(secret.encode()) >= 32 and secret.startswith("sre_") for secret in secrets)


def test_the_whole_secret_is_compared() -> None:
    secret = new_secret()
    tokens = [a_token(new_secret(), 1), a_token(secret, 2), a_token(new_secret(), 3)]
    found = find(tokens, secret.encode(), EPOCH)
    assert found is not None
    assert found.number == 2
    for wrong in (secret[:-1], secret + "x", secret.lower(), "", secret * 10):
        assert find(tokens, wrong.encode(), EPOCH) is None
    assert find([], secret.encode(), EPOCH) is None


def test_a_secret_that_is_too_short_or_too_long_is_none_even_where_its_hash_is_kept() -> None:
    for secret in ("short", "x" * 31, "x" * (LONGEST + 1)):
        assert find([a_token(secret), a_token(secret[:LONGEST])], secret.encode(), EPOCH) is None


def test_what_is_revoked_or_expired_is_worth_nothing() -> None:
    secret = new_secret()
    token = a_token(secret)
    assert find([replace(token, revoked_at=EPOCH)], secret.encode(), EPOCH) is None
    ending = replace(token, expires_at=EPOCH + timedelta(seconds=1))
    assert find([ending], secret.encode(), EPOCH) is ending
    assert find([ending], secret.encode(), EPOCH + timedelta(seconds=1)) is None


def test_a_token_shows_no_hash() -> None:
    assert "digest" not in repr(a_token(new_secret()))


@pytest.mark.usefixtures("engine")
async def test_a_token_is_kept_without_its_secret(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        tokens = TokenRepository(store, clock)
        token, secret = await tokens.create(OPERATOR, " robot ", [Scope.READ], lifetime=timedelta(days=1))
        assert (token.number, token.name, token.scopes) == (1, "robot", frozenset({Scope.READ}))
        assert await tokens.all() == (token,)
        assert find(await tokens.all(), secret.encode(), clock.now()) == token
        async with store.read() as connection:
            row = (await connection.execute(select(gateway_tokens))).one()
        assert secret not in str(row)
        assert row.digest == digest_of(secret.encode()).hex()
        entry = (await Audit(store).list(1))[0]
        assert (entry.action, entry.operator) == ("gateway.token.create", "op-a")
        assert secret not in str(entry)


@pytest.mark.usefixtures("engine")
async def test_names_are_unique_among_the_valid(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        tokens = TokenRepository(store, clock)
        first, _ = await tokens.create(OPERATOR, "robot", BOTH, lifetime=timedelta(hours=1))
        with pytest.raises(Conflict, match="robot"):
            await tokens.create(OPERATOR, "robot", BOTH)
        clock.turn(3600)
        second, _ = await tokens.create(OPERATOR, "robot", BOTH)
        await tokens.revoke(COLLEAGUE, second.number)
        third, _ = await tokens.create(OPERATOR, "robot", BOTH)
        unnamed, _ = await tokens.create(OPERATOR, "", BOTH)
        assert [first.number, second.number, third.number, unnamed.number] == [1, 2, 3, 4]
        assert unnamed.name == "token-4"
        standings = [token.standing(clock.now()) for token in await tokens.all()]
        assert standings == ["expired", "revoked", "valid", "valid"]


@pytest.mark.usefixtures("engine")
async def test_revoking_is_for_ever_and_on_record_once(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        tokens, audit = TokenRepository(store, clock), Audit(store)
        await tokens.create(OPERATOR, "robot", BOTH)
        revoked = await tokens.revoke(COLLEAGUE, 1)
        assert (revoked.revoked_at, revoked.revoked_by) == (clock.now(), "op-b")
        clock.turn(5)
        assert await tokens.revoke(OPERATOR, 1) == revoked
        assert [entry.action for entry in await audit.list()] == ["gateway.token.revoke", "gateway.token.create"]
        with pytest.raises(NotFound, match="no token 2"):
            await tokens.revoke(OPERATOR, 2)


@pytest.mark.usefixtures("engine")
async def test_what_cannot_be_a_token_is_refused(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        tokens = TokenRepository(store, clock)
        for name in ("x" * 61, "a\nb", "\x1b[31m", "a\u202eb"):
            with pytest.raises(Refused, match="printable"):
                await tokens.create(OPERATOR, name, BOTH)
        with pytest.raises(Refused, match="scope"):
            await tokens.create(OPERATOR, "robot", [])
        with pytest.raises(Refused, match="before it is made"):
            await tokens.create(OPERATOR, "robot", BOTH, lifetime=timedelta(0))
        assert await tokens.all() == ()


async def test_a_row_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock) as store:
        tokens = TokenRepository(store, clock)
        await tokens.create(OPERATOR, "robot", BOTH)
        async with store.write() as connection:
            await connection.execute(update(gateway_tokens).values(scopes='["read", "everything"]'))
        assert [token.scopes for token in await tokens.all()] == [{Scope.READ}]  # of a newer console
        for damage in ({"scopes": "read"}, {"digest": "not hexadecimal"}):
            async with store.write() as connection:
                await connection.execute(update(gateway_tokens).values(**damage))
            with pytest.raises(StoreError, match="token 1 cannot be read"):
                await tokens.all()


async def test_a_read_only_store_makes_no_token(tmp_path: Path) -> None:
    clock = ManualClock()
    async with temporary_store(tmp_path, clock), temporary_store(tmp_path, clock, read_only=True) as store:
        with pytest.raises(StoreError):
            await TokenRepository(store, clock).create(OPERATOR, "robot", BOTH)
