"""NO_COLOR on a real terminal: nothing is told by colour, and nothing is drawn in the colour of the background."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support.terminal import Terminal
from tests.support.wire import unused_url

_PROGRAM = "import sys; from console.cli import main; sys.exit(main(sys.argv[1:]))"
_SGR = re.compile(rb"\x1b\[([0-9;:]*)m")


def colours(output: bytes) -> set[bytes]:
    """Every attribute that sets a colour; 39 and 49, the terminal's own, are none."""
    found = set[bytes]()
    for match in _SGR.finditer(output):
        for part in match[1].split(b";"):
            number = int(part or b"0")
            if 30 <= number <= 38 or 40 <= number <= 48 or 90 <= number <= 107:
                found.add(match[0])
    return found


async def test_no_colour_is_written_where_the_environment_asks_for_none(tmp_path: Path) -> None:
    config, url = tmp_path / "config.toml", await unused_url()
    config.write_text(
        f'[[sre.alertmanager]]\nname = "prod"\nurls = ["{url}"]\n[sre.store]\nurl = "sqlite:///{tmp_path}/store.db"\n'
    )
    command = [sys.executable, "-c", _PROGRAM, "--config", str(config), "--theme", "sre-dark"]
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    with Terminal(command, environment=environment) as terminal:
        terminal.wait_for("UNKNOWN")
        assert colours(bytes(terminal.output))
    with Terminal(command, environment={**environment, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("UNKNOWN")
        assert colours(bytes(terminal.output)) == set()
