"""The first look: what must be known before the first paint. No validation, no pydantic, no network."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.configuration.paths import config_path, named_config, state_directory
from console.preferences import Preferences
from themes import DEFAULT, NAMES

DEMO_ENVIRONMENT = "demo"
_OFF = {"false", "0", "no", "off"}


@dataclass(frozen=True, slots=True)
class Peek:
    """What the first paint is drawn from. The full check of the configuration comes after it.

    Attributes:
        config: the file that the person named; None for the one at the XDG path.
        demo: whether the simulated production is shown.
        wallboard: whether to start as a read-only wallboard.
        theme: the name of the theme.
        incident_response: whether there is an incidents pane.
        environments: every configured environment, in order.
        clusters: names of the Alertmanager clusters. contexts: of the Kubernetes contexts. Their panes show
            skeletons under these names.
        oncall: whether a rotation is configured.
        sound: False where the file or a variable looks so wrong that nothing should be painted before the full check.
    """

    config: Path | None = None
    demo: bool = False
    wallboard: bool = False
    theme: str = DEFAULT
    incident_response: bool = True
    environments: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    oncall: bool = True
    sound: bool = True


def configured(named: Path | None, environment: Mapping[str, str]) -> bool:
    """Whether there is any configuration: a named file (even a missing one), the XDG file, or a variable."""
    return named is not None or config_path().exists() or any(_is_key(name) for name in environment)


def take_peek(
    *,
    config: str | None = None,
    demo: bool = False,
    or_demo: bool = False,
    wallboard: bool = False,
    theme: str | None = None,
) -> Peek:
    """Look at flags, file, environment and the remembered theme.

    Args:
        config: ``--config``.
        demo: ``--demo``.
        or_demo: ``--or-demo``: the demo, but only where there is no configuration at all.
        wallboard: ``--wallboard``.
        theme: ``--theme``; one of :data:`themes.NAMES`.
    """
    named = named_config(config)
    remembered = Preferences(state_directory()).theme
    chosen = theme or (remembered if remembered in NAMES else DEFAULT)
    there = configured(named, os.environ)
    if demo or (or_demo and not there):
        demos = (DEMO_ENVIRONMENT,)
        return Peek(None, True, wallboard, chosen, environments=demos, clusters=demos, contexts=demos)
    if not there:
        return Peek(named, False, wallboard, chosen, sound=False)
    try:
        document = tomllib.loads((named or config_path()).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Peek(named, False, wallboard, chosen, sound=named is None)
    except (OSError, ValueError):
        return Peek(named, False, wallboard, chosen, sound=False)
    return _of_document(document, named, wallboard, chosen)


def _of_document(document: dict[str, Any], named: Path | None, wallboard: bool, theme: str) -> Peek:
    flags, sre = _table(document, "feature_flags"), _table(document, "sre")
    clusters = [table for table in _tables(sre, "alertmanager") if isinstance(table.get("name"), str)]
    contexts = [table for table in _tables(sre, "kubernetes") if isinstance(table.get("context"), str)]
    environments = [str(table.get("environment", table["name"])) for table in clusters]
    environments += [str(table.get("environment", table["context"])) for table in contexts]
    return Peek(
        named,
        False,
        wallboard,
        theme,
        incident_response=_flag(flags, "incident_response"),
        environments=tuple(dict.fromkeys(environments)),
        clusters=tuple(table["name"] for table in clusters),
        contexts=tuple(table["context"] for table in contexts),
        oncall=bool(_tables(_table(sre, "oncall"), "rotation")),
        sound=flags.get("sre_mode") is not False and sre.get("enabled") is not False,
    )


def _flag(flags: dict[str, Any], name: str) -> bool:
    for prefix in ("SRE_CONSOLE_", "RUSTANT_"):
        value = os.environ.get(f"{prefix}FEATURE_FLAGS__{name.upper()}")
        if value is not None:
            return value.strip().lower() not in _OFF
    return flags.get(name) is not False


def _is_key(name: str) -> bool:
    if name.startswith("SRE_CONSOLE_"):
        return name != "SRE_CONSOLE_CONFIG" and not name.startswith("SRE_CONSOLE_TEST_")
    return name.startswith(("RUSTANT_SRE__", "RUSTANT_FEATURE_FLAGS__"))


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _tables(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = document.get(name)
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []
