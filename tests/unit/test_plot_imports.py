"""plotext costs 0.3 s to import: nobody pays before the first plot is drawn."""

from __future__ import annotations

import subprocess
import sys


def test_the_widget_does_not_import_plotext() -> None:
    code = "import sys, widgets.plot; sys.exit(any(name.split('.')[0] == 'plotext' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
