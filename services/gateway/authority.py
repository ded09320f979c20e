"""Who asks: the token of a request, and what it may be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.gateway.limits import Buckets, too_many
from services.gateway.problem import Problem, retry_after
from services.gateway.secret import find
from services.safety.actor import Actor, Surface
from services.vocabulary.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gateway.model import Scope, Token
    from services.gateway.needs import GatewayNeeds

_CHALLENGE = 'Bearer realm="sre-console"'
STORE_RETRY = 5.0
"""Seconds after which a store that was lost may be asked for again."""


def store_lost(error: StoreError | str) -> Problem:
    """The answer as long as the store cannot be read or written."""
    return Problem(503, str(error), rule="store", headers=retry_after(STORE_RETRY))


class Authority:
    """Knows the tokens. What it cannot check, it does not let in."""

    def __init__(self, needs: GatewayNeeds) -> None:
        """Reads nothing itself; the feed of the tokens is kept up to date by others."""
        self._needs = needs
        self._unknown = Buckets(needs.rates.unknown, needs.clock)
        self._writes = Buckets(needs.rates.writes, needs.clock)

    def admit_unknown(self, peer: str) -> None:
        """Whoever needs no token.

        Raises:
            Problem: 429.
        """
        if wait := self._unknown.take(peer):
            raise too_many("requests without a token", wait)

    def identify(self, headers: Sequence[tuple[bytes, bytes]], peer: str) -> Token:
        """The token that a request carries.

        Raises:
            Problem: 401 without a valid one, 429 after too many of these, 503 where nobody can tell.
        """
        known = self._needs.tokens.snapshot
        if not known.freshness.trusted:
            reason = known.freshness.reason or "it has not been read yet"
            raise store_lost(f"the tokens cannot be checked, because the store does not answer: {reason}")
        return self._found(known.items, headers, peer)

    async def identify_anew(self, headers: Sequence[tuple[bytes, bytes]], peer: str) -> Token:
        """Like :meth:`identify`, by what the store says now: what was revoked a moment ago moves nothing."""
        try:
            tokens = await self._needs.read_tokens()
        except StoreError as error:
            raise store_lost(error) from error
        return self._found(tokens, headers, peer)

    def permit_write(self, token: Token) -> None:
        """Count one request to move the circuit.

        Raises:
            Problem: 429.
        """
        if wait := self._writes.take(token.number):
            raise too_many(f"requests of token {token.number} to move the circuit", wait)

    def actor(self, token: Token | None, peer: str) -> Actor:
        """Who asks, as the audit keeps it."""
        return Actor(
            operator=token.name if token is not None else "unknown",
            os_user=f"token-{token.number}" if token is not None else "no-token",
            host=peer,
            surface=Surface.GATEWAY,
            database_user=self._needs.database_user(),
            automation=True,
        )

    def _found(self, tokens: Sequence[Token], headers: Sequence[tuple[bytes, bytes]], peer: str) -> Token:
        given = [value for name, value in headers if name == b"authorization"]
        scheme, _, secret = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        bearer = scheme.lower() == b"bearer"
        token = find(tokens, secret.strip(), self._needs.clock.now()) if bearer else None
        if token is not None:
            return token
        self.admit_unknown(peer)
        raise Problem(
            401,
            "this needs a valid token" if not bearer else "the token is not valid",
            "send Authorization: Bearer and a token of `sre-console token create`",
            rule="token",
            headers={"WWW-Authenticate": _CHALLENGE + (', error="invalid_token"' if bearer else "")},
        )


def require(token: Token, scope: Scope) -> None:
    """Whether the token may be used for this.

    Raises:
        Problem: 403.
    """
    if scope not in token.scopes:
        raise Problem(
            403,
            f"token {token.number} {token.name} has no scope {scope.value}",
            f"make another one with --scope {scope.value}",
            rule="scope",
            headers={"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{scope.value}"'},
        )
