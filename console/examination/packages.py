"""Packages of others that are called like ours: whichever is found first is imported."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from console.examination.remark import Remark

PACKAGES = ("console", "screens", "services", "themes", "widgets")
_CHECK = "packages"
_MEND = "install with uv tool or pipx, which keep it apart"


def shadow_remarks(home: Path, search: Iterable[str] | None = None) -> Iterator[Remark]:
    """Other packages of our names on the path of imports.

    Args:
        home: the directory that ours lie in.
        search: where Python looks; by default ``sys.path``.
    """
    for entry in dict.fromkeys(Path(one or ".").resolve() for one in (sys.path if search is None else search)):
        if entry == home.resolve() or not entry.is_dir():
            continue
        found = [
            name for name in PACKAGES if (entry / name / "__init__.py").exists() or (entry / f"{name}.py").exists()
        ]
        if found:
            yield Remark(_CHECK, False, f"{entry} holds packages named like ours ({', '.join(found)}): {_MEND}")


def distribution_remarks(home: Path, owners: Mapping[str, Iterable[str]] | None = None) -> Iterator[Remark]:
    """Other distributions that bring packages of our names, and so overwrite ours or are overwritten by them.

    Args:
        home: the directory that ours lie in.
        owners: package -> names of distributions; by default those installed here.
    """
    installed = metadata.packages_distributions() if owners is None else owners
    for name in PACKAGES:
        for owner in sorted(set(installed.get(name, ())) - {"sre-console", "sre_console"}):
            same = owners is not None or _lies_in(owner, home)
            told = "overwrites ours or is overwritten" if same else "might be taken for ours"
            yield Remark(_CHECK, same, f"the package {name} of the distribution {owner} {told}: {_MEND}")


def _lies_in(distribution: str, home: Path) -> bool:
    try:
        return Path(str(metadata.distribution(distribution).locate_file(""))).resolve() == home.resolve()
    except metadata.PackageNotFoundError:
        return False
