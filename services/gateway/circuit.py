"""``/api/sre/circuit``: see the breakers, open and close them, by the same road as ``/circuit``."""

from __future__ import annotations

import logging
import re
import shlex
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from services.gateway.authority import store_lost
from services.gateway.documents import circuit_document, encode, entity_tag, names
from services.gateway.problem import Problem
from services.safety.audit import AuditRecord, Decision
from services.safety.circuit import GLOBAL, Circuit
from services.vocabulary.errors import Conflict, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gateway.needs import GatewayNeeds
    from services.safety.actor import Actor

LONGEST_REASON = 500
LONGEST_SOURCE = 200
ANY = "*"

_TAG = re.compile(r'(W/)?"([!#-~\x80-\xff]*)"')
_log = logging.getLogger(__name__)


class Toggle(BaseModel):
    """The body of a POST. Strict: no other member, no other type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    action: Literal["open", "close"]
    reason: str = Field("", max_length=LONGEST_REASON)
    source: str = Field("", max_length=LONGEST_SOURCE)

    @model_validator(mode="after")
    def _close_has_a_reason(self) -> Toggle:
        if self.action == "close" and not self.reason.strip():
            raise PydanticCustomError("reason", "closing the circuit needs a reason: why is it safe to write again?")
        return self

    @property
    def line(self) -> str:
        """The slash command that does the same."""
        words = f"/circuit {self.action} {self.source}".rstrip()
        return f"{words} --reason {shlex.quote(self.reason)}" if self.reason else words


def read_toggle(body: bytes) -> Toggle:
    """What the body asks for.

    Raises:
        Problem: 400 where it is no JSON in UTF-8, 422 where it is not what can be asked for.
    """
    try:
        return Toggle.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "json_invalid":
            raise Problem(400, f"the body is not JSON: {first['msg']}", rule="body") from None
        raise Problem(422, f"{where}: {first['msg']}" if where else first["msg"], rule="body") from None


def read_if_match(header: str | None) -> tuple[str, ...]:
    """The entity tags of an ``If-Match`` header, or ``*`` alone (RFC 9110, 13.1.1).

    Raises:
        Problem: 428 without one, 400 where it is none, 412 where all are weak and so can never match.
    """
    if header is None:
        raise Problem(
            428,
            "it takes If-Match, so that nobody moves a circuit that somebody else moved meanwhile",
            "send the ETag of GET /api/sre/circuit; * opens it whatever it is",
            rule="precondition",
        )
    text = header.strip()
    if text == ANY:
        return (ANY,)
    strong, weak, rest = [], 0, text
    while rest:
        found = _TAG.match(rest)
        if found is None:
            raise Problem(
                400, "If-Match holds no entity tag", 'an entity tag stands in quotes: "…"', rule="precondition"
            )
        weak += bool(found[1])
        strong += [] if found[1] else [f'"{found[2]}"']
        rest = rest[found.end() :].lstrip()
        if rest and not rest.startswith(","):
            raise Problem(400, "If-Match is not a list of entity tags", rule="precondition")
        rest = rest[1:].lstrip()
    if not strong:
        detail = "a weak entity tag never matches" if weak else "If-Match is empty"
        raise Problem(412 if weak else 400, detail, "send the ETag as it came", rule="precondition")
    return tuple(strong)


class CircuitRoom:
    """Reads and moves the breakers for the gateway. Every answer comes from the store."""

    def __init__(self, needs: GatewayNeeds) -> None:
        """Nothing is read before the first call."""
        self._needs = needs

    async def read(self) -> tuple[bytes, str]:
        """The document and its entity tag.

        Raises:
            Problem: 503.
        """
        return self._document(await self._circuits())

    async def move(self, toggle: Toggle, tags: Sequence[str], actor: Actor) -> tuple[bytes, str]:
        """Open or close a breaker, where it still is what the one who asks saw.

        Returns:
            The document and its entity tag afterwards.

        Raises:
            Problem: 404 for an unknown source, 409 where it was moved meanwhile, 428 where closing names no state,
                503 where the store is lost.
        """
        breaker, circuits = self._needs.breaker, await self._circuits()
        before = self._named(toggle.source, circuits)
        if ANY in tags and toggle.action == "close":
            raise Problem(
                428, "closing takes the ETag of what was seen; * is for opening", "GET it first", rule="precondition"
            )
        now = self._document(circuits)
        if ANY not in tags and now[1] not in tags:
            raise self._moved(before, circuits)
        seen = None if ANY in tags else before.revision
        try:
            if toggle.action == "open":
                after = await breaker.open(actor, toggle.reason, seen=seen, command=toggle.line, scope=before.scope)
            else:
                after = await breaker.close(actor, toggle.reason, seen=seen, command=toggle.line, scope=before.scope)
        except Conflict:
            raise self._moved(before, await self._circuits()) from None
        except StoreError as error:
            raise store_lost(error) from error
        if after.revision == before.revision:
            # The breaker keeps no record of what changed nothing; who asked is kept all the same.
            await self.keep(actor, toggle.line, toggle.action, f"{after.name} was {after.state.value} already")
        return self._document(await self._circuits())

    async def keep(self, actor: Actor, command: str, action: str, message: str) -> None:
        """Put a request that moved nothing on record.

        Raises:
            Problem: 503; nothing was changed.
        """
        await self._append(actor, command, action, message, Decision.ALLOWED, "always allowed", "unchanged")

    async def keep_refusal(self, actor: Actor, command: str, action: str, problem: Problem) -> None:
        """Put a refused request on record. A store that takes no record is logged: the answer is a refusal anyway."""
        try:
            await self._append(
                actor, command, action, f"{problem.status}: {problem.detail}", Decision.REFUSED, problem.rule, ""
            )
        except Problem as lost:
            _log.warning("a refused request of %s is not on record: %s", actor.operator, lost.detail)

    async def _append(
        self, actor: Actor, command: str, action: str, message: str, decision: Decision, rule: str, outcome: str
    ) -> None:
        record = AuditRecord(
            actor=actor,
            command=command,
            action=f"circuit.{action}",
            decision=decision,
            rule=f"gateway {rule}".rstrip() if decision is Decision.REFUSED else rule,
            outcome=outcome,
            message=message,
        )
        try:
            await self._needs.audit.record(record)
        except StoreError as error:
            raise store_lost(error) from error

    async def _circuits(self) -> tuple[Circuit, ...]:
        try:
            return await self._needs.breaker.read_all()
        except StoreError as error:
            raise store_lost(error) from error

    def _document(self, circuits: Sequence[Circuit]) -> tuple[bytes, str]:
        body = encode(circuit_document(circuits, self._needs.clock.now(), self._needs.redact))
        return body, entity_tag(body)

    def _named(self, source: str, circuits: Sequence[Circuit]) -> Circuit:
        if source in ("", GLOBAL):
            return circuits[0]
        known = {circuit.scope: circuit for circuit in circuits[1:]}
        for name in self._needs.written_sources():
            known.setdefault(name, Circuit(scope=name))
        if source not in known:
            raise Problem(404, f"there is no source {source}", f"there is {names(known)}", rule="source")
        return known[source]

    def _moved(self, before: Circuit, circuits: Sequence[Circuit]) -> Problem:
        now = self._needs.clock.now()
        current = next((one for one in circuits if one.scope == before.scope), before)
        body, tag = self._document(circuits)
        del body
        since = self._needs.redact(current.since(now))
        return Problem(
            409,
            f"the circuit is not what you saw: {current.name} is {current.standing(now).value} {since}".rstrip(),
            "nothing was changed; look at it, then ask again",
            rule="conflict",
            headers={"ETag": tag},
        )
