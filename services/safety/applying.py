"""Does a permitted write, reads back what came of it, and says whether that counts for the breaker."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.safety.issuing import IssuedPermit
from services.safety.outcome import Outcome, OutcomeStatus
from services.safety.permit import PermitError, PermitExpired
from services.safety.plan import Applied, Plan
from services.vocabulary.errors import FailureKind, SourceError

# The other side understood, said no and did nothing.
_UNDERSTOOD = (FailureKind.REJECTED, FailureKind.DENIED, FailureKind.CONFIGURATION)


@dataclass(frozen=True, slots=True)
class Ending:
    """How one write ended.

    Attributes:
        outcome: what the person is told.
        failure: why it failed, as a kind; empty where it did not.
        counts: for the breaker: True a failure, False a success, None neither, because it did not reach the other
            side or was refused there.
        fault: a fault of the program, to be raised once the rest is on record.
    """

    outcome: Outcome
    failure: str = ""
    counts: bool | None = None
    fault: Exception | None = None


async def apply(plan: Plan, permit: IssuedPermit) -> Ending:
    """Do what ``plan`` says and read it back; never raises but for a cancellation."""
    try:
        applied = await plan.apply(permit)
        if not permit.spent:
            raise PermitError(f"{plan.action} claims to be done and never spent its permit")
        return await _verified(plan, permit, applied)
    except SourceError as error:
        return _failed(permit, error)
    except PermitExpired:
        message = f"nothing was sent: {plan.source} took so long to get ready that the permit expired; ask again"
        return Ending(Outcome(permit.intent, OutcomeStatus.NOT_SENT, message), "expired")
    except Exception as error:
        status = OutcomeStatus.UNKNOWN if permit.spent else OutcomeStatus.NOT_SENT
        message = f"the console failed: {type(error).__name__}: {error}"
        counts = True if permit.spent else None
        return Ending(Outcome(permit.intent, status, message), type(error).__name__, counts, error)


async def _verified(plan: Plan, permit: IssuedPermit, applied: Applied) -> Ending:
    outcome = Outcome(permit.intent, OutcomeStatus.DONE, applied.message, applied.data, applied.undo)
    if plan.verify is None:
        return Ending(outcome, counts=False)
    try:
        so = await plan.verify(applied)
    except SourceError as error:
        message = f"accepted, but reading it back failed: {error}; check {plan.source}"
        return Ending(replace(outcome, status=OutcomeStatus.UNKNOWN, message=message), error.kind.value, True)
    if so:
        return Ending(outcome, counts=False)
    # Not a failure that changed nothing: what was accepted may be there in another form, or come to be.
    message = f"{plan.source} accepted it, yet it is not so: {applied.message}; check first"
    return Ending(replace(outcome, status=OutcomeStatus.UNKNOWN, message=message), "verification", True)


def _failed(permit: IssuedPermit, error: SourceError) -> Ending:
    kind = error.kind.value
    if not error.sent or not permit.spent:
        return Ending(Outcome(permit.intent, OutcomeStatus.NOT_SENT, f"nothing was sent: {error}"), kind)
    if error.kind in _UNDERSTOOD:
        return Ending(Outcome(permit.intent, OutcomeStatus.FAILED, str(error)), kind)
    message = f"it may or may not have happened: {error}; check first"
    return Ending(Outcome(permit.intent, OutcomeStatus.UNKNOWN, message), kind, True)
