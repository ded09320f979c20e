"""``[sre.audit]``: keys as references, and where heads go."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from console.configuration.audit import AuditSettings
from console.configuration.loading import load
from console.configuration.problems import ConfigurationError
from console.doctor import remarks_of
from console.preferences import Preferences
from console.wiring import Backend
from services.safety.actor import Surface
from services.storage.keys import chain_key
from services.vocabulary.errors import StoreError
from tests.support.clock import ManualClock

SECRET = "0123456789abcdef0123456789abcdef"


def config(directory: Path, *lines: str) -> Path:
    file = directory / "config.toml"
    store = f'[sre.store]\nurl = "sqlite:///{directory}/state/store.db"\n'
    file.write_text("\n".join([store, "[sre.audit]", *lines]))
    return file


def test_keys_are_resolved_and_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_KEY", SECRET)
    (tmp_path / "old").write_text(SECRET[::-1])
    file = config(tmp_path, 'key = "env:AUDIT_KEY"', f'earlier_keys = ["file:{tmp_path}/old"]')
    learnt: list[str] = []
    keys = load(file).settings.sre.audit.keys(learnt.append)
    assert keys.current == chain_key(SECRET)
    assert keys.earlier == (chain_key(SECRET[::-1]),)
    assert learnt == [SECRET, SECRET[::-1]]
    assert SECRET not in repr(keys)
    assert AuditSettings().keys().current is None


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        (f'key = "{SECRET}"', "sre.audit.key", "must not be written down"),
        ('key = "env:NO_SUCH_KEY"', "sre.audit.key", "NO_SUCH_KEY is not set"),
        ('key = "env:SHORT_KEY"', "sre.audit.key", "at least 32 characters"),
        ('earlier_keys = ["env:SHORT_KEY"]', "sre.audit.earlier_keys[0]", "at least 32 characters"),
        ('anchor_file = "heads.jsonl"', "sre.audit.anchor_file", "is not an absolute path"),
        ('anchor_file = "/"', "sre.audit.anchor_file", "is a directory"),
    ],
)
def test_what_is_wrong_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, key: str, words: str
) -> None:
    monkeypatch.setenv("SHORT_KEY", "correct horse")
    with pytest.raises(ConfigurationError) as error:
        load(config(tmp_path, line))
    (problem,) = error.value.problems
    assert (problem.key, words in problem.message) == (key, True), problem
    assert "correct horse" not in str(problem)


def test_a_key_written_down_is_no_setting() -> None:
    with pytest.raises(ValidationError):
        AuditSettings.model_validate({"key": SECRET})


async def test_a_key_that_is_gone_since_stops_what_would_have_to_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_KEY", SECRET)
    heads = tmp_path / "heads" / "audit.jsonl"
    settings = load(config(tmp_path, 'key = "env:AUDIT_KEY"', f'anchor_file = "{heads}"')).settings

    async def backend() -> Backend:
        made = Backend(settings, ManualClock(), Surface.EXEC, Preferences(tmp_path))
        await made.open_records()
        return made

    first = await backend()
    assert first.records is not None
    await first.records.breaker.open(first.actor, "storm")
    await first.close()
    assert len(heads.read_text().splitlines()) == 1
    monkeypatch.delenv("AUDIT_KEY")
    second = await backend()
    assert second.records is not None
    with pytest.raises(StoreError, match=r"the key of the audit cannot be had: .*AUDIT_KEY is not set"):
        await second.records.breaker.close(second.actor, "over")
    await second.close()
    assert len(heads.read_text().splitlines()) == 1


def test_the_doctor_looks_at_the_anchor_file(tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    heads.touch()
    heads.chmod(0o666)
    file = config(tmp_path, f'anchor_file = "{heads}"')
    backend = Backend(load(file).settings, ManualClock(), Surface.EXEC, Preferences(tmp_path))
    told = [one.text for one in remarks_of(backend, file) if "anchor file" in one.text]
    assert len(told) == 1
    assert "others can alter it" in told[0]
