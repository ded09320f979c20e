"""Tells the person what waits for them, and what became of what they asked for, as soon as the store knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.vocabulary.text import display

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from services.approvals.model import Approval, ApprovalState


class Approving:
    """Toasts for one screen. What was there at the start is told in one sentence, what comes later one by one."""

    def __init__(self, screen: Screen[Any], desk: Desk) -> None:
        self._screen = screen
        self._desk = desk
        self._known: dict[int, ApprovalState] | None = None

    @property
    def counts(self) -> tuple[int, int]:
        """How many wait for this person's word, and how many of their own they can run."""
        if self._desk.approvals is None or not self._desk.approvals.snapshot.items:
            return 0, 0
        from services.approvals.view import pending_for, ready_for

        items, now = self._desk.approvals.snapshot.items, self._desk.clock.now()
        return len(pending_for(items, self._desk.operator, now)), len(ready_for(items, self._desk.operator, now))

    def look(self) -> None:
        """Tell what is new since the last look."""
        feed = self._desk.approvals
        if feed is None or feed.snapshot.freshness.checked_at is None:
            return
        items, now = feed.snapshot.items, self._desk.clock.now()
        before = self._known
        self._known = {one.number: one.state_at(now) for one in items}
        if before is None:
            waiting, ready = self.counts
            if waiting or ready:
                parts = [f"{waiting} to approve"] * bool(waiting) + [f"{ready} of yours to run"] * bool(ready)
                self._say("Approvals", f"{', '.join(parts)}: p shows them.")
            return
        for one in items:
            state = self._known[one.number]
            if before.get(one.number) is not state:
                self._tell(one, state)

    def _tell(self, one: Approval, state: ApprovalState) -> None:
        from services.approvals.model import ApprovalState

        mine = one.requester.operator == self._desk.operator
        if state is ApprovalState.PENDING and not mine:
            words = f"{one.requester.operator} {one.summary} ({one.environment}).\np shows it, and decides."
            self._say(f"Approval {one.number} is wanted", words, severity="warning")
        elif state is ApprovalState.APPROVED and mine:
            who = ", ".join(vote.person.operator for vote in one.votes if vote.agrees)
            words = f"By {who}; until {one.expires_at:%H:%M} UTC.\n/approval run {one.number} does it: p, then enter."
            self._say(f"Approval {one.number} is given", words)
        elif state is ApprovalState.REJECTED and mine:
            said = next((vote for vote in reversed(one.votes) if not vote.agrees), None)
            words = f"By {said.person.operator}: {said.note}" if said is not None else one.summary
            self._say(f"Approval {one.number} is rejected", words, severity="warning")
        elif state is ApprovalState.EXPIRED and mine:
            self._say(f"Approval {one.number} has expired", one.summary, severity="warning")

    def _say(self, title: str, words: str, *, severity: Any = "information") -> None:
        text = "\n".join(display(line, 300) for line in words.split("\n"))
        self._screen.notify(text, title=title, severity=severity, timeout=12, markup=False)
