"""The entry of the audit with which its key begins: from there on nobody without the key makes an entry that fits."""

from __future__ import annotations

from services.safety.actor import Actor
from services.safety.audit import Audit, AuditRecord, Decision, audit_head
from services.storage.engine import Store

BEGUN = "audit.key"


async def begin_key(store: Store, audit: Audit, actor: Actor) -> bool:
    """Put down that entries are hashed with the key of this console from now on, where none was until now.

    Without it a console that was given a key might write nothing for days, and a chain without any keyed entry could
    not be told from one that somebody without the key has written anew.

    Args:
        store: has the keys.
        audit: of that store.
        actor: whose console it is.

    Returns:
        Whether an entry was put down.

    Raises:
        StoreError: the store cannot be read or written.
    """
    key = store.keys.current
    if key is None:
        return False
    head = await audit_head(store)
    if head.key_id or not head.sequence:
        return False
    await audit.record(
        AuditRecord(
            actor=actor,
            command="",
            action=BEGUN,
            decision=Decision.ALLOWED,
            rule="configuration",
            outcome="done",
            message=f"entries are hashed with the key {key.id} from here on; {head.sequence} before it are not",
        )
    )
    return True
