"""What acts on the lists of the operations screen: command line, keys, detail. Made when the first rows stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screens.acting import Acting
from screens.commanding import Commanding
from screens.detail import Details
from screens.viewing import Viewing
from widgets.command_line import CommandLine
from widgets.detail import DetailStrip
from widgets.plot import TimePlot

if TYPE_CHECKING:
    from textual.screen import Screen

    from screens.desk import Desk
    from screens.furniture import Furniture


@dataclass(frozen=True)
class Tools:
    """What a person works with.

    Attributes:
        line: the command line. commanding: what runs its lines. acting: what runs the keys.
        details: the strip below the lists. viewing: chooses what the alerts pane shows.
    """

    line: CommandLine
    commanding: Commanding
    acting: Acting
    details: Details
    viewing: Viewing


def equip(
    screen: Screen[Any], desk: Desk, furniture: Furniture, selection: Callable[[], Mapping[str, tuple[str, ...]]]
) -> Tools:
    """Offer the commands of ``desk`` and show details.

    Args:
        screen: the operations screen; holds a :class:`DetailStrip`.
        desk: sources and commands.
        furniture: the lists.
        selection: what is selected now.
    """
    line = CommandLine()
    screen.mount(line)
    screen.query_one(DetailStrip).hang(TimePlot())
    commanding = Commanding(screen, desk, line, selection)
    return Tools(
        line=line,
        commanding=commanding,
        acting=Acting(screen, desk, commanding, line, furniture.alerts, selection),
        details=Details(screen, desk, furniture.presenters),
        viewing=Viewing(screen, furniture.alerts, commanding),
    )
