"""What was last known of a store's breakers survives the store, and what cannot be read is never taken for closed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from services.safety.breaker import Breaker
from services.safety.last_known import LastKnown, LastKnownError, Opened
from tests.support.clock import EPOCH
from tests.support.store import OPERATOR, temporary_store


async def test_it_keeps_what_a_person_opened(tmp_path: Path) -> None:
    known = LastKnown(tmp_path / "state", "sqlite:///x")
    assert (known.knows(), known.opened()) == (False, ())
    async with temporary_store(tmp_path) as store:
        breaker = Breaker(store, store.clock, last_known=known)
        await breaker.read()
        assert (known.knows(), known.opened()) == (True, ())
        await breaker.open(OPERATOR, "storm", scope="a")
        await breaker.open(OPERATOR)
    again = LastKnown(tmp_path / "state", "sqlite:///x")
    assert again.opened() == (
        Opened("global", "op-a", EPOCH.isoformat(), ""),
        Opened("a", "op-a", EPOCH.isoformat(), "storm"),
    )
    assert not LastKnown(tmp_path / "state", "sqlite:///y").knows()
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600
    assert "sqlite" not in again.path.read_text()


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}'])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: str) -> None:
    known = LastKnown(tmp_path, "sqlite:///x")
    known.path.write_text(content)
    with pytest.raises(LastKnownError, match="last-known"):
        known.opened()
