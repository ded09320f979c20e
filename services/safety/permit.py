"""Proof that a write passed the guard. Only the guard can make one."""

from __future__ import annotations

from abc import ABC, abstractmethod

_ISSUER = "services.safety.issuing"


class PermitError(Exception):
    """A write was attempted with a permit that does not cover it. A fault of the program, never of a person."""


class PermitExpired(PermitError):
    """A permit was kept too long. Nothing was sent; nobody is at fault but time."""


class WritePermit(ABC):
    """Covers one write: one action on one target, once, for a short time.

    Every method that changes an outside system takes one and spends it before a byte leaves. The class is
    abstract, and Python refuses a subclass made anywhere but where the guard issues it, so a type checker rejects a
    forgotten or hand-made permit and the run time rejects the rest.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        if cls.__module__ != _ISSUER or cls.__qualname__ != "IssuedPermit":
            raise TypeError(f"{cls.__qualname__}: only {_ISSUER} makes permits")
        if _issued:
            raise TypeError("there is one kind of permit already")
        _issued.append(cls)
        super().__init_subclass__()

    @abstractmethod
    def spend(self, action: str, target: str) -> None:
        """Use the permit up.

        Args:
            action: the action about to be done; must be the one planned.
            target: the raw name of the thing about to be changed; must be the one planned.

        Raises:
            PermitError: already spent, expired, or for another action or target.
        """


_issued: list[type[WritePermit]] = []


def spend(permit: WritePermit, action: str, target: str) -> None:
    """Spend ``permit``, whatever it is: what a client calls before it sends a write.

    Raises:
        PermitError: it is not a permit of the guard, or does not cover this.
    """
    if type(permit) not in _issued:
        raise PermitError(f"{type(permit).__qualname__} is no permit of the guard")
    permit.spend(action, target)
