"""What the kubeconfigs say of the configured contexts, as far as it matters for safety. Read with PyYAML, never run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CREDENTIALS = ("token", "password", "client-key-data", "auth-provider")


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One file.

    Attributes:
        path: the file.
        clusters, users: those that a configured context names, by name.
    """

    path: Path
    clusters: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]

    @property
    def holds_credentials(self) -> bool:
        """Whether reading the file is enough to act as somebody."""
        return any(user.get(key) for user in self.users.values() for key in _CREDENTIALS)


def read_kubeconfigs(paths: Iterable[Path], contexts: Iterable[str]) -> Iterator[Kubeconfig]:
    """Those that can be read; what is wrong with the others is told by the source itself."""
    import yaml  # type: ignore[import-untyped]

    documents: list[tuple[Path, Mapping[str, Any]]] = []
    for path in dict.fromkeys(paths):
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        documents.append((path, document if isinstance(document, dict) else {}))
    # A context of one file may name a cluster or a user of another one: that is how kubectl merges them.
    named = [
        value
        for _, document in documents
        for name, value in _entries(document, "contexts", "context").items()
        if name in set(contexts)
    ]
    clusters, users = ({str(one.get(kind)) for one in named} for kind in ("cluster", "user"))
    for path, document in documents:
        yield Kubeconfig(
            path,
            {name: one for name, one in _entries(document, "clusters", "cluster").items() if name in clusters},
            {name: one for name, one in _entries(document, "users", "user").items() if name in users},
        )


def _entries(document: Mapping[str, Any], plural: str, kind: str) -> dict[str, Mapping[str, Any]]:
    listed = document.get(plural)
    return {
        str(one.get("name")): one[kind]
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(one.get(kind), dict)
    }
