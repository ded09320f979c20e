"""Every way round the permit fails: at run time here, in the type checker in test_permit_types."""

from __future__ import annotations

import copy
import pickle

import pytest

from services.safety import issuing
from services.safety.issuing import IssuedPermit
from services.safety.permit import PermitError, PermitExpired, WritePermit, spend
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def permit(clock: ManualClock) -> IssuedPermit:
    return IssuedPermit(
        issuing._SECRET, action="thing.change", target="a", intent=7, clock=clock, deadline=clock.monotonic() + 30
    )


def test_a_permit_is_good_once(permit: IssuedPermit) -> None:
    spend(permit, "thing.change", "a")
    assert permit.spent
    with pytest.raises(PermitError, match="spent before"):
        spend(permit, "thing.change", "a")


@pytest.mark.parametrize(("action", "target"), [("thing.delete", "a"), ("thing.change", "b"), ("thing.change", "")])
def test_it_covers_one_action_on_one_target(permit: IssuedPermit, action: str, target: str) -> None:
    with pytest.raises(PermitError, match="covers"):
        spend(permit, action, target)
    assert not permit.spent


def test_it_expires_by_elapsed_time_whatever_the_wall_clock_says(permit: IssuedPermit, clock: ManualClock) -> None:
    from datetime import timedelta

    clock.turn(30)
    clock.jump(timedelta(hours=-1))
    with pytest.raises(PermitError, match="expired"):
        spend(permit, "thing.change", "a")


def test_it_is_good_until_just_before(permit: IssuedPermit, clock: ManualClock) -> None:
    clock.turn(29.9)
    spend(permit, "thing.change", "a")


def test_nobody_else_can_make_one(clock: ManualClock) -> None:
    for secret in (None, object(), "guard"):
        with pytest.raises(PermitError, match="only the guard"):
            IssuedPermit(secret, action="a", target="b", intent=1, clock=clock, deadline=1e9)


def test_one_made_without_its_constructor_is_worth_nothing() -> None:
    forged = object.__new__(IssuedPermit)
    forged._spent = False
    forged._action, forged._target, forged.intent = "thing.change", "a", 1
    with pytest.raises(PermitError, match="not made by the guard"):
        spend(forged, "thing.change", "a")


def test_it_cannot_be_copied(permit: IssuedPermit) -> None:
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(PermitError, match="cannot be copied"):
            duplicate(permit)


def test_no_other_class_is_a_permit() -> None:
    with pytest.raises(TypeError, match=r"only services\.safety\.issuing"):

        class Forged(WritePermit):
            def spend(self, action: str, target: str) -> None: ...

    with pytest.raises(TypeError, match="one kind"):
        type("IssuedPermit", (WritePermit,), {"__module__": "services.safety.issuing", "spend": lambda *_: None})
    with pytest.raises(TypeError):
        type("IssuedPermit", (IssuedPermit,), {"__module__": "services.safety.issuing"})
    with pytest.raises(TypeError, match=r"only services\.safety\.issuing"):
        type("Forged", (IssuedPermit,), {})


def test_what_only_looks_like_a_permit_is_refused() -> None:
    class Duck:
        def spend(self, action: str, target: str) -> None: ...

    for impostor in (None, Duck(), object()):
        with pytest.raises(PermitError, match="no permit of the guard"):
            spend(impostor, "thing.change", "a")  # type: ignore[arg-type]


def test_an_expired_one_says_that_it_is_time_and_nobodys_fault(permit: IssuedPermit, clock: ManualClock) -> None:
    clock.turn(31)
    with pytest.raises(PermitExpired):
        spend(permit, "thing.change", "a")
