"""The wallboard: what it says, what it must never say, and that nothing can be written from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from console.app import ConsoleApp
from screens.desk import Desk
from screens.help import HelpScreen
from screens.operations import OperationsScreen
from screens.wallboard import PAGE_SECONDS, PATIENCE, SHIFT_SECONDS, WallboardScreen
from services.deployments.model import RolloutState
from services.incidents.model import IncidentState
from services.oncall.model import Duty
from services.vocabulary.errors import ConsoleError
from tests.support.clock import EPOCH, ManualClock
from tests.support.desk import make_alert, make_deployment, make_desk, make_incident, open_circuit
from tests.support.stage import ByHand
from widgets.wall_canvas import WallCanvas, changed
from widgets.wall_letters import drawable, large

SMALL, LARGE = (80, 24), (200, 60)
KEYS = [
    "a",
    "s",
    "i",
    "f",
    "z",
    "b",
    "y",
    "r",
    "1",
    "2",
    "slash",
    "enter",
    "space",
    "w",
    "escape",
    "q",
    "tab",
    "ctrl+c",
]


class Wall:
    """A running wallboard and the hands of a test on it."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[int], clock: ManualClock, desk: Desk) -> None:
        self.app = app
        self.pilot = pilot
        self.clock = clock
        self.desk = desk

    @property
    def screen(self) -> WallboardScreen:
        assert isinstance(self.app.screen, WallboardScreen)
        return self.app.screen

    @property
    def canvas(self) -> WallCanvas[Any]:
        return self.screen.query_one(WallCanvas)

    @property
    def text(self) -> str:
        return "\n".join(self.canvas.lines)

    def line(self, words: str) -> str:
        return next(line for line in self.canvas.lines if words in line)

    async def turn(self, seconds: float, *, alive: bool = True) -> None:
        """Time passes a second at a time, as the screen sees it; every source answers meanwhile where ``alive``."""
        for _ in range(int(seconds)):
            self.clock.turn(1)
            if alive:
                for feed in self.desk.feeds:
                    if feed.snapshot.freshness.trusted:
                        feed.confirm()
            self.screen.tick()
        await self.pilot.pause()

    async def drawn(self) -> None:
        self.screen.tick()
        await self.pilot.pause()


@asynccontextmanager
async def wall(
    desk_of: Callable[[ManualClock], Desk] = make_desk,
    *,
    size: tuple[int, int] = SMALL,
    theme: str = "sre-dark",
    demo: bool = False,
) -> AsyncIterator[Wall]:
    clock = ManualClock()
    desk = desk_of(clock)

    async def connect(app: ConsoleApp) -> ByHand:
        return ByHand(desk)

    app = ConsoleApp(connect, clock=clock, theme=theme, wallboard=True, demo=demo)
    async with app.run_test(size=size) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        yield Wall(app, pilot, clock, desk)


def bears(board: Wall, words: str, size: int) -> bool:
    """Whether ``words`` stand there in large letters."""
    picture = large(words, size)
    lines = board.canvas.lines
    return any(
        all(picture[row].rstrip() in lines[start + row] for row in range(len(picture)))
        for start in range(len(lines) - len(picture) + 1)
    )


def before(seconds: float) -> Any:
    return EPOCH - timedelta(seconds=seconds)


# The line of truth ---------------------------------------------------------------------------------------------


async def test_counts_what_is_critical_and_names_the_worst_with_age_and_owner() -> None:
    def desk(clock: ManualClock) -> Desk:
        alerts = [
            make_alert("HighErrorRate", "critical", before(240), service="checkout"),
            make_alert("KafkaLag", "warning", before(2400), service="orders", acked_by="op-b"),
            make_alert("DiskFull", "warning", before(60), silenced_by="op-c"),
        ]
        return make_desk(clock, alerts={"prod": alerts})

    async with wall(desk) as board:
        assert bears(board, "▲ 1 CRITICAL", 1)
        row = board.line("HighErrorRate")
        assert "▲ crit" in row
        assert "checkout" in row
        assert "prod" in row
        assert "4m" in row
        assert "no owner" in row
        assert "ack op-b 20m" in board.line("KafkaLag")
        assert "DiskFull" not in board.text
        assert "1 silenced or inhibited" in board.text


async def test_all_clear_invents_no_duration() -> None:
    async with wall() as board:
        assert bears(board, "ALL CLEAR", 1)
        await board.turn(300)
        assert bears(board, "ALL CLEAR", 1)
        assert "5m" not in board.text


async def test_all_clear_counts_from_the_last_critical_seen() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("Down", "critical", before(9), service="edge")]})

    async with wall(desk) as board:
        await board.turn(30)
        board.desk.alerts["prod"].publish(())
        await board.turn(130)
        assert bears(board, "ALL CLEAR", 1)
        assert any(line.rstrip().endswith("2m10s") for line in board.canvas.lines)
        assert "last seen 19:31:37 UTC: Down edge" in board.text
        assert "blind for" not in board.text


async def test_all_clear_tells_that_nobody_looked_meanwhile() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("Down", "critical", before(9))]})

    async with wall(desk) as board:
        board.desk.alerts["prod"].publish(())
        await board.turn(10)
        board.desk.alerts["prod"].fail(ConsoleError("refused"))
        await board.turn(60)
        assert bears(board, "BLIND", 1)
        board.desk.alerts["prod"].publish(())
        await board.drawn()
        assert bears(board, "ALL CLEAR", 1)
        assert "blind for 1m00s since then" in board.text


@pytest.mark.parametrize(
    ("severity", "words"), [("error", "◆ 1 ERROR"), ("no-such-word", "? 1 FIRING"), ("critical", "▲ 1 CRITICAL")]
)
async def test_is_not_all_clear_while_something_alarming_fires(severity: str, words: str) -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("X", severity, before(9))]})

    async with wall(desk) as board:
        assert bears(board, words, 1)
        assert not bears(board, "ALL CLEAR", 1)


async def test_an_acked_critical_is_not_all_clear() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("X", "critical", before(9), acked_by="op-b")]})

    async with wall(desk, size=LARGE) as board:
        assert bears(board, "▲ 1 CRITICAL", 2)
        assert bears(board, "acked", 2)


async def test_a_warning_is_all_clear_and_still_told() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("Slow", "warning", before(9))]})

    async with wall(desk) as board:
        assert bears(board, "ALL CLEAR", 1)
        assert "! 1 warning" in board.text


# Blindness -----------------------------------------------------------------------------------------------------


async def test_blind_says_since_when_why_and_what_it_saw_last() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("Down", "critical", before(9))]})

    async with wall(desk, size=LARGE) as board:
        board.desk.alerts["prod"].fail(ConsoleError("connection refused"))
        await board.turn(134)
        assert bears(board, "BLIND", 2)
        assert bears(board, "since 2m14s", 2)
        assert "alertmanager prod blind since 2m14s" in board.text
        assert "connection refused" in board.text
        assert "last seen 19:31:07 UTC: 1 critical" in board.text
        assert "◐ prod 2m old" in board.line("Alerts")
        # What was known keeps its place.
        assert "Down" in board.text


async def test_an_answer_that_grows_old_makes_blind_without_any_failure() -> None:
    async with wall() as board:
        await board.turn(60, alive=False)
        assert bears(board, "BLIND", 1)
        assert "UNKNOWN: no fresh answer from alertmanager prod" in board.text


async def test_partly_blind_is_never_all_clear() -> None:
    async with wall(lambda clock: make_desk(clock, alerts={"eu": (), "us": ()})) as board:
        board.desk.alerts["us"].fail(ConsoleError("timed out"))
        await board.turn(30)
        assert bears(board, "PARTLY BLIND", 1)
        assert not bears(board, "ALL CLEAR", 1)
        assert "alertmanager us blind since 30s" in board.text
        assert "elsewhere nothing critical fires" in board.text


async def test_partly_blind_counts_what_it_sees_or_more() -> None:
    def desk(clock: ManualClock) -> Desk:
        seen = {name: [make_alert("Down", "critical", before(9), cluster=name)] for name in ("eu", "us")}
        return make_desk(clock, alerts=seen)

    async with wall(desk, size=LARGE) as board:
        assert bears(board, "▲ 2 CRITICAL", 2)
        board.desk.alerts["us"].fail(ConsoleError("timed out"))
        await board.turn(3)
        assert bears(board, "▲ 1 CRITICAL", 2)
        assert "alertmanager us blind since 3s" in board.text
        assert bears(board, "or more", 1) or bears(board, "or more", 2)


async def test_is_partly_blind_since_the_first_cluster_was_lost() -> None:
    async with wall(lambda clock: make_desk(clock, alerts={"eu": (), "us": (), "asia": ()}), size=LARGE) as board:
        board.desk.alerts["us"].fail(ConsoleError("timed out"))
        await board.turn(90)
        board.desk.alerts["asia"].fail(ConsoleError("timed out"))
        await board.drawn()
        assert bears(board, "PARTLY BLIND", 1) or bears(board, "PARTLY BLIND", 2)
        assert bears(board, "since 1m30s", 1) or bears(board, "since 1m30s", 2)


async def test_a_wallboard_that_is_opened_late_knows_since_when_a_cluster_fails() -> None:
    desk = make_desk(ManualClock(before(300)), alerts={"prod": None})
    desk.alerts["prod"].fail(ConsoleError("connection refused"))
    async with wall(lambda _: desk) as board:
        await board.drawn()
        assert "alertmanager prod blind since 5m" in board.text


async def test_waits_calmly_then_is_blind() -> None:
    async with wall(lambda clock: make_desk(clock, alerts={"prod": None})) as board:
        assert bears(board, "connecting …", 1)
        assert "connecting to alertmanager prod …" in board.text
        await board.turn(PATIENCE - 1)
        assert not bears(board, "BLIND", 1)
        await board.turn(1)
        assert bears(board, "BLIND", 1)
        assert "alertmanager prod blind since 15s" in board.text


async def test_is_blind_at_once_when_a_source_fails() -> None:
    async with wall(lambda clock: make_desk(clock, alerts={"prod": None})) as board:
        board.desk.alerts["prod"].fail(ConsoleError("connection refused"))
        await board.drawn()
        assert bears(board, "BLIND", 1)
        assert "connection refused" in board.text


async def test_is_blind_where_nothing_is_configured() -> None:
    async with wall(lambda clock: make_desk(clock, alerts={})) as board:
        assert bears(board, "BLIND", 1)
        assert "No Alertmanager is configured" in board.text


# Breaker, bands, lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, (120, 40), LARGE])
async def test_the_open_breaker_comes_first(size: tuple[int, int]) -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, circuit=open_circuit(before(180)), demo=True)

    async with wall(desk, size=size, demo=True) as board:
        lines = board.canvas.lines
        demo = next(number for number, line in enumerate(lines) if "DEMO" in line)
        band = "\n".join(lines[:demo])
        assert "every write to an outside system is refused" in band
        assert "by op-a: rollout storm" in band
        assert bears(board, "⊘ BREAKER OPEN", 1) or "⊘ BREAKER OPEN" in band
        board.desk.circuit.publish(make_desk(board.clock).circuit.snapshot.items)  # type: ignore[union-attr]
        await board.drawn()
        assert "refused" not in board.text
        assert "⊘ breaker closed" in board.text


async def test_lists_open_incidents_with_clocks_and_rollouts_that_matter() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(
            clock,
            incidents=[
                make_incident(41, "Checkout errors", before(840)),
                make_incident(40, "Old one", before(9000), state=IncidentState.RESOLVED),
            ],
            deployments={
                "prod": [
                    make_deployment("fine", changed_at=before(10)),
                    make_deployment("moving", RolloutState.ROLLING, changed_at=before(40)),
                    make_deployment("broken", RolloutState.FAILED, changed_at=before(400), trouble="CrashLoopBackOff"),
                ]
            },
        )

    async with wall(desk) as board:
        assert "0:14:00" in board.line("Checkout errors")
        await board.turn(1)
        assert "0:14:01" in board.line("Checkout errors")
        assert "Old one" not in board.text
        assert "fine" not in board.text
        assert board.text.index("broken") < board.text.index("moving")
        assert "✗ 1 in trouble" in board.text


async def test_names_who_is_on_call_and_when_nobody_is() -> None:
    def desk(clock: ManualClock) -> Desk:
        until = EPOCH + timedelta(hours=3)
        duties = [Duty("primary", "UTC", "Jörg", None, until), Duty("secondary", "UTC", None, None, until)]
        return make_desk(clock, duties=duties)

    async with wall(desk, size=LARGE) as board:
        assert bears(board, "Jörg", 1)
        assert bears(board, "! NOBODY", 1)
        board.desk.duties.fail(ConsoleError("no schedule"))  # type: ignore[union-attr]
        await board.drawn()
        assert "as last known" in board.line("primary")


async def test_pages_by_itself_and_keeps_the_worst() -> None:
    def desk(clock: ManualClock) -> Desk:
        alerts = [make_alert(f"Alert{number:02}", "critical", before(number), service="s") for number in range(30)]
        return make_desk(clock, alerts={"prod": alerts})

    async with wall(desk, size=(120, 40)) as board:
        assert "page 1/2" in board.line("Alerts")
        first = {number for number in range(30) if f"Alert{number:02}" in board.text}
        await board.turn(PAGE_SECONDS)
        assert "page 2/2" in board.line("Alerts")
        second = {number for number in range(30) if f"Alert{number:02}" in board.text}
        assert first | second == set(range(30))
        assert 0 in first & second
        await board.turn(PAGE_SECONDS)
        assert "page 1/2" in board.line("Alerts")


async def test_moves_so_that_nothing_burns_in() -> None:
    async with wall(size=LARGE) as board:
        heading = next(number for number, line in enumerate(board.canvas.lines) if "wallboard" in line)
        before_column = board.canvas.lines[heading].index("prod")
        await board.turn(SHIFT_SECONDS)
        assert board.canvas.lines[heading].index("prod") == before_column + 1
        await board.turn(2 * SHIFT_SECONDS)
        assert "wallboard" in board.canvas.lines[heading + 1]


@pytest.mark.parametrize("size", [(20, 5), (40, 12), SMALL, (100, 30), (120, 40), LARGE, (300, 80)])
async def test_fits_any_screen(size: tuple[int, int]) -> None:
    def desk(clock: ManualClock) -> Desk:
        alerts = [make_alert(f"Alert{number}", "critical", before(number), pod="漢字" * 30) for number in range(300)]
        return make_desk(
            clock,
            alerts={"prod": alerts},
            duties=[Duty(f"rotation {n}", "UTC", f"person-{n}", None, None) for n in range(7)],
            circuit=open_circuit(before(9), reason="r" * 300),
            demo=True,
        )

    async with wall(desk, size=size) as board:
        assert len(board.canvas.lines) == size[1]
        assert board.clock.now().strftime("%H:%M:%S") in "".join(board.canvas.lines[-2:])
        for y in range(size[1]):
            assert board.canvas.strip(y).cell_length == size[0]


async def test_outside_text_is_harmless() -> None:
    evil = "[bold]x[/] \x1b[2J\u202e\n"

    def desk(clock: ManualClock) -> Desk:
        return make_desk(
            clock,
            alerts={"prod": [make_alert(evil, "critical", before(9), service=evil, acked_by=evil)]},
            incidents=[make_incident(1, evil, before(9), commander=evil)],
            deployments={"prod": [make_deployment(evil, RolloutState.FAILED, trouble=evil)]},
            duties=[Duty(evil, "UTC", evil, None, None, evil)],
            circuit=open_circuit(before(9), by=evil, reason=evil),
            environments=(evil,),
        )

    async with wall(desk, size=LARGE) as board:
        board.desk.incidents.fail(ConsoleError(evil))  # type: ignore[union-attr]
        await board.drawn()
        assert "[bold]x[/] ␛[2J‹U+202E›␤" in board.text
        assert not set(board.text) & {"\x1b", "\u202e"}


async def test_a_flood_is_arranged_off_the_loop_and_ends_in_the_newest_state() -> None:
    flood = [make_alert(f"A{number}", "warning", before(number), pod=str(number)) for number in range(10_000)]

    async with wall(size=LARGE) as board:
        board.desk.alerts["prod"].publish(flood)
        # One at a time: the second waits for the first.
        board.desk.alerts["prod"].publish([*flood, make_alert("Down", "critical", before(1))])
        await board.app.workers.wait_for_complete()
        await board.app.workers.wait_for_complete()
        await board.drawn()
        assert bears(board, "▲ 1 CRITICAL", 2)
        assert "! 10000 warning" in board.text
        assert "more not listed" in board.text


# Keys ----------------------------------------------------------------------------------------------------------


async def test_no_key_writes_and_only_the_theme_can_be_changed() -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("Down", "critical", before(9))]})

    async with wall(desk) as board:
        for key in KEYS:
            await board.pilot.press(key)
            assert isinstance(board.app.screen, WallboardScreen), key
        bound = {binding.action for binding in board.screen._bindings.key_to_bindings.get("w", [])}
        assert bound == {"leave"}
        assert not board.screen.check_action("leave", ())
        titles = [command.title for command in board.app.get_system_commands(board.app.screen)]
        assert titles
        assert not [title for title in titles if title.startswith("/")]
        await board.pilot.press("t")
        assert board.app.theme == "sre-light"
        await board.pilot.press("question_mark")
        assert isinstance(board.app.screen, HelpScreen)
        await board.pilot.press("escape")
        assert isinstance(board.app.screen, WallboardScreen)


async def test_beside_the_console_w_and_escape_lead_back_and_nothing_is_followed_any_more() -> None:
    clock = ManualClock()
    desk = make_desk(clock)

    async def connect(app: ConsoleApp) -> ByHand:
        return ByHand(desk)

    app = ConsoleApp(connect, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        for key in ("w", "escape"):
            followed = len(desk.alerts["prod"]._subscribers)
            await pilot.press("w")
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, WallboardScreen)
            assert len(desk.alerts["prod"]._subscribers) == followed + 1
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, OperationsScreen)
            assert len(desk.alerts["prod"]._subscribers) == followed
            # Whoever connects late finds it gone.
            screen.attach(desk)
            assert len(desk.alerts["prod"]._subscribers) == followed


# Painting ------------------------------------------------------------------------------------------------------


async def test_a_second_repaints_only_what_changed() -> None:
    async with wall(size=LARGE) as board:
        assert board.canvas.asked == 0
        board.clock.turn(1)
        board.screen.tick()
        # The large clock and the one in the foot.
        assert 0 < board.canvas.asked < 40
        await board.pilot.pause()
        board.screen.tick()
        assert board.canvas.asked == 0


def test_no_wide_character_is_torn_and_no_column_moves_far() -> None:
    from widgets.record_table import Piece
    from widgets.wall_canvas import unbroken

    line = (Piece("1234567漢字漢字"), Piece("   end", "bold"))
    settled = unbroken(line, 40)
    assert settled == (Piece("1234567 漢字漢字"), Piece("  end", "bold"))


@pytest.mark.parametrize("theme", ["sre-light", "sre-ansi"])
async def test_another_theme_says_the_same(theme: str) -> None:
    def desk(clock: ManualClock) -> Desk:
        return make_desk(clock, alerts={"prod": [make_alert("Down", "critical", before(9))]})

    async with wall(desk) as dark, wall(desk, theme=theme) as other:
        assert dark.canvas.lines == other.canvas.lines


def test_changed_finds_the_columns() -> None:
    from widgets.record_table import Piece

    assert changed((Piece("abc"), Piece("def")), (Piece("abX"), Piece("def")), 10) == [(2, 3)]
    assert changed((Piece("abc", "bold"),), (Piece("abc"),), 10) == [(0, 3)]
    assert changed((Piece("漢b"),), (Piece("漢c"),), 10) == [(0, 8), (8, 10)]
    assert changed((), (Piece("x"),), 10) == [(0, 1)]
    far = Piece(" " * 20)
    assert changed((Piece("a"), far, Piece("b")), (Piece("c"), far, Piece("d")), 30) == [(0, 1), (21, 22)]


def test_letters_have_one_width_and_say_what_they_cannot_draw() -> None:
    text = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -_.,:+/'()@!?#&=▲◆◐✓✗⊘…äöüé"
    for size, height in ((1, 4), (2, 8)):
        picture = large(text, size)
        assert len(picture) == height
        assert len({len(line) for line in picture}) == 1
    assert len({large(character, 2) for character in text}) == len(text)
    assert not drawable("漢")
    with pytest.raises(ValueError, match="drawn large"):
        large("漢", 1)
