"""Who asks: the token of a request, and what it may be used for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.gateway.limits import Buckets, too_many
from services.gateway.problem import Problem, retry_after
from services.gateway.secret import find
from services.safety.actor import Actor, Surface
from services.vocabulary.errors import StoreError

if TYPE_CHECKING:
    from services.gateway.model import Scope, Token
    from services.gateway.needs import GatewayNeeds

Headers = Sequence[tuple[bytes, bytes]]
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
        self._all = Buckets(needs.rates.all, needs.clock)
        self._unknown = Buckets(needs.rates.unknown, needs.clock)
        self._writes = Buckets(needs.rates.writes, needs.clock)
        self._attempts = Buckets(needs.rates.attempts, needs.clock)

    def admit(self, headers: Headers, peer: str) -> None:
        """Count one request. Those without a valid token share little, so that they keep nobody else out.

        Raises:
            Problem: 429.
        """
        if self._search(self._needs.tokens.snapshot.items, headers) is not None:
            if wait := self._all.take():
                raise too_many("requests", wait)
        elif wait := self._unknown.take(peer):
            raise too_many("requests without a valid token", wait)

    def identify(self, headers: Headers) -> Token:
        """The token that a request carries.

        Raises:
            Problem: 401 without a valid one, 503 where nobody can tell.
        """
        known = self._needs.tokens.snapshot
        if not known.freshness.trusted:
            reason = known.freshness.reason or "it has not been read yet"
            raise store_lost(f"the tokens cannot be checked, because the store does not answer: {reason}")
        return self._found(known.items, headers)

    async def identify_anew(self, headers: Headers, peer: str) -> Token:
        """Like :meth:`identify`, by what the store says now: what was revoked a moment ago moves nothing.

        Raises:
            Problem: 429 besides, after too many without a valid one: each of them is put on record.
        """
        try:
            tokens = await self._needs.read_tokens()
        except StoreError as error:
            raise store_lost(error) from error
        try:
            return self._found(tokens, headers)
        except Problem:
            if wait := self._attempts.take(peer):
                raise too_many("requests to move the circuit without a valid token", wait) from None
            raise

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

    def _search(self, tokens: Sequence[Token], headers: Headers) -> Token | None:
        secret = _bearer(headers)
        return None if secret is None else find(tokens, secret, self._needs.clock.now())

    def _found(self, tokens: Sequence[Token], headers: Headers) -> Token:
        token = self._search(tokens, headers)
        if token is not None:
            return token
        presented = _bearer(headers) is not None
        raise Problem(
            401,
            "the token is not valid" if presented else "this needs a token",
            "send Authorization: Bearer and a token of `sre-console token create`",
            rule="token",
            headers={"WWW-Authenticate": _CHALLENGE + (', error="invalid_token"' if presented else "")},
        )


def _bearer(headers: Headers) -> bytes | None:
    """The secret in the only ``Authorization`` header; None where there is none of this scheme, or several."""
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1:
        return None
    scheme, _, secret = given[0].partition(b" ")
    return secret.strip() if scheme.lower() == b"bearer" else None


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
