"""The limits of a gateway, as numbers. Light: imports no server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and so many at once.

    Attributes:
        per_second: how fast the bucket fills.
        burst: how much it holds.
    """

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of one gateway.

    Attributes:
        all: requests with valid tokens, of all together: what the screen beside the gateway can bear.
        unknown: requests without a valid token, from one address.
        writes: requests to move the circuit, by one token.
        attempts: requests to move the circuit without a valid token, from one address; each is put on record.
    """

    all: Rate = Rate(600, 150)
    unknown: Rate = Rate(10, 20)
    writes: Rate = Rate(0.5, 20)
    attempts: Rate = Rate(1 / 60, 5)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the gateway waits, in seconds.

    Attributes:
        body: for a whole body to come.
        answer: for one whole answer.
        exchange: from the begin of a connection, or the end of an answer on it, to the end of the next answer.
    """

    body: float = 5.0
    answer: float = 10.0
    exchange: float = 15.0
