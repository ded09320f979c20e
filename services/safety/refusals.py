"""Refusals that no guard pronounced: of the console's own records, such as approving what one asked for oneself."""

from __future__ import annotations

import logging

from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision
from services.storage.engine import Store
from services.vocabulary.errors import ConsoleError, StoreError

_log = logging.getLogger(__name__)


class Refusals:
    """Puts them into the audit."""

    def __init__(self, store: Store, audit: Audit) -> None:
        """
        Args:
            store: where the audit is.
            audit: of that store.
        """
        self._store = store
        self._audit = audit

    async def keep(self, actor: Actor, command: str, action: str, error: ConsoleError) -> None:
        """Put down that ``command`` was refused. A refusal stands even where it cannot be kept.

        Args:
            actor: who asked.
            command: the line (raw).
            action: what it was to do, such as ``approval.approve``.
            error: why not.
        """
        record = AuditRecord(
            actor=self._audit.known(actor),
            command=command,
            action=action,
            decision=Decision.REFUSED,
            rule=type(error).__name__.lower(),
            outcome="",
            message=error.message,
        )
        try:
            async with self._store.write() as connection:
                await self._audit.append(connection, record)
        except StoreError as lost:
            _log.warning("a refusal of %s could not be kept: %s", action, lost)
