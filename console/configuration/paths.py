"""Where the configuration and the console's own files are."""

from __future__ import annotations

import os
from pathlib import Path

_APP = "sre-console"


def config_path() -> Path:
    """The file that is read when none is named: ``sre-console/config.toml`` in the XDG configuration directory."""
    return _directory("XDG_CONFIG_HOME", ".config") / _APP / "config.toml"


def state_directory() -> Path:
    """Where the store, the log and the preferences are kept: ``sre-console`` in the XDG state directory."""
    return _directory("XDG_STATE_HOME", ".local/state") / _APP


def log_path() -> Path:
    """The file that the console logs to: ``console.log`` in the state directory."""
    return state_directory() / "console.log"


def named_config(flag: str | None) -> Path | None:
    """The file that the person named: by ``--config``, else by ``SRE_CONSOLE_CONFIG``; None for neither."""
    name = flag or os.environ.get("SRE_CONSOLE_CONFIG") or os.environ.get("RUSTANT_CONFIG")
    return Path(name).expanduser() if name else None


def _directory(variable: str, fallback: str) -> Path:
    # The XDG base directory specification: a relative path in the variable is invalid and ignored.
    named = os.environ.get(variable, "")
    return Path(named) if os.path.isabs(named) else Path.home() / fallback
