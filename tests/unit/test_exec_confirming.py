"""What a line of ``exec`` agrees to: ``--yes`` never to a word, a word only to itself, a script to nothing personal."""

from __future__ import annotations

import pytest

from console.execute import _Execution
from services.safety.plan import Confirmation
from tests.support.store import Outside, plan_for

PLAIN, PERSONAL, TYPED = Confirmation("sure?"), Confirmation("sure?", person=True), Confirmation("stops it", "thing")


@pytest.mark.parametrize(
    ("asked", "yes", "automation", "word", "agreed"),
    [
        (None, True, False, "", False),
        (PLAIN, True, False, "", True),
        (PLAIN, False, False, "", False),
        (PLAIN, True, True, "", True),
        (PERSONAL, True, False, "", True),
        (PERSONAL, True, True, "", False),
        (TYPED, True, False, "", False),
        (TYPED, True, False, "thin", False),
        (TYPED, False, False, "thing", True),
        (TYPED, True, True, "thing", False),
    ],
)
async def test_what_is_agreed_to(
    asked: Confirmation | None, yes: bool, automation: bool, word: str, agreed: bool
) -> None:
    execution = _Execution("/x", demo=False, as_json=False, yes=yes, automation=automation, confirm=word, log=None)
    assert await execution._confirm(plan_for(Outside(), confirmation=asked)) is agreed
