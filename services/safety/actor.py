"""Who asks for something, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Surface(Enum):
    """Where a request was made."""

    CONSOLE = "console"
    EXEC = "exec"
    WALLBOARD = "wallboard"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. Claimed, not proved, as long as the store is a local file.

    Attributes:
        operator: the configured name; by default the user of the operating system.
        os_user: the user of the operating system.
        host: the machine's own name.
        surface: where the request was made.
        database_user: whom the store knows the console as; empty as long as the store proves nobody's identity.
        automation: whether no person stands behind this request: a script, a workflow, a council.
    """

    operator: str
    os_user: str
    host: str
    surface: Surface
    database_user: str = ""
    automation: bool = False
