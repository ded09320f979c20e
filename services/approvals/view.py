"""How approvals are ordered and told. Pure; imports no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.approvals.model import Approval, ApprovalState
from services.vocabulary.durations import format_age


def open_now(approvals: Iterable[Approval], now: datetime) -> tuple[Approval, ...]:
    """Those of which something can still come, the oldest first."""
    return tuple(sorted((one for one in approvals if one.state_at(now).is_open), key=lambda one: one.number))


def pending_for(approvals: Iterable[Approval], operator: str, now: datetime) -> tuple[Approval, ...]:
    """Those that wait for somebody else than whoever asked: what ``operator`` may decide."""
    return tuple(
        one
        for one in open_now(approvals, now)
        if one.state_at(now) is ApprovalState.PENDING and one.requester.operator != operator
    )


def ready_for(approvals: Iterable[Approval], operator: str, now: datetime) -> tuple[Approval, ...]:
    """Those that ``operator`` asked for and can run now."""
    return tuple(
        one
        for one in open_now(approvals, now)
        if one.state_at(now) is ApprovalState.APPROVED and one.requester.operator == operator
    )


def expires(approval: Approval, now: datetime) -> str:
    """How long something can still come of it, such as ``27m``."""
    return format_age(approval.expires_at - now)


def sentence_of(approval: Approval, now: datetime) -> str:
    """``approval 12 is pending for 27m: op-a wants to …`` (raw)."""
    state = approval.state_at(now)
    left = f" for {expires(approval, now)}" if state.is_open else ""
    return f"approval {approval.number} is {state.value}{left}: {approval.requester.operator} {approval.summary}"


def trust_note(approval: Approval) -> str:
    """How far the identities behind it can be trusted."""
    if approval.requester.database_user:
        return (
            f"the database knows whoever asks as {approval.requester.database_user}, and nobody else may be that user"
        )
    asker = approval.requester
    same = any(
        vote.agrees and (vote.person.os_user, vote.person.host) == (asker.os_user, asker.host)
        for vote in approval.votes
    )
    note = "identity is only claimed: this store does not prove who anybody is"
    return f"{note}, and both are {asker.os_user}@{asker.host}" if same else note
