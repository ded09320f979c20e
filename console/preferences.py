"""What the console remembers from one start to the next: the theme. Light: read before the first paint."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from services.vocabulary.errors import ConsoleError


class Preferences:
    """A small file in the state directory (0600 in a 0700 directory).

    A file that is missing or damaged counts as empty: a preference is never worth a failed start.

    Attributes:
        directory: where it is, and what else the console keeps on this machine.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "preferences.json"

    @property
    def theme(self) -> str | None:
        """The name of the remembered theme; None for none."""
        theme = self._read().get("theme")
        return theme if isinstance(theme, str) else None

    def remember_theme(self, name: str) -> None:
        """Keep ``name`` for the next start.

        Raises:
            ConsoleError: the file cannot be written.
        """
        content = json.dumps({**self._read(), "theme": name}, indent=1)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Written beside and renamed: whoever reads meanwhile sees the old file or the new one.
            descriptor, beside = tempfile.mkstemp(dir=self._path.parent, prefix=".preferences-")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(content)
                os.replace(beside, self._path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise ConsoleError(
                f"the theme could not be remembered: {self._path}: {error.strerror}", "check the directory's mode"
            ) from error

    def _read(self) -> dict[str, object]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}
