"""``[sre.audit]``: the key of the audit's chain, and where its heads are kept besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from console.configuration.references import HINT, is_reference, resolve
from console.configuration.section import Section, wrong
from services.vocabulary.errors import ConsoleError

if TYPE_CHECKING:
    from services.storage.keys import ChainKey, ChainKeys


def _forget(secret: str) -> None:
    del secret


def _reference(value: str) -> str:
    if not is_reference(value):
        raise wrong("a secret must not be written down", HINT)
    return value


def _place(value: str) -> str:
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise wrong(f"{value!r} is not an absolute path", "write for example /var/lib/sre-console/audit-heads.jsonl")
    if path.is_dir():
        raise wrong(f"{path} is a directory", "name a file in it")
    return str(path)


Reference = Annotated[str, AfterValidator(_reference)]


class AuditSettings(Section):
    """``[sre.audit]``."""

    key: Reference | None = None
    earlier_keys: list[Reference] = Field(default_factory=list)
    anchor_file: Annotated[str, AfterValidator(_place)] | None = None

    @property
    def anchors(self) -> Path | None:
        """The anchor file; None where heads go to the log alone."""
        return None if self.anchor_file is None else Path(self.anchor_file)

    def keys(self, learn: Callable[[str], None] = _forget) -> ChainKeys:
        """The keys themselves. One that cannot be had becomes a problem: then nothing is written, and it says why.

        Args:
            learn: called with each secret that is resolved, so that no log shows it.
        """
        from services.storage.keys import ChainKeys

        try:
            current = None if self.key is None else _key(self.key, learn)
            return ChainKeys(current, tuple(_key(one, learn) for one in self.earlier_keys))
        except ConsoleError as error:
            return ChainKeys(problem=str(error))


def _key(reference: str, learn: Callable[[str], None]) -> ChainKey:
    from services.storage.keys import chain_key

    secret = resolve(reference)
    learn(secret)
    return chain_key(secret)
