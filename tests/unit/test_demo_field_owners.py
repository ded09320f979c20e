"""The demo's objects say who wrote which of their fields, as an API server does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from services.demo.records import Records
from services.demo.story import DEPLOY, ROLLBACK
from services.demo.world import World
from tests.support.clock import EPOCH

KINDS = (
    "deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions", "pods", "services", "nodes",
    "namespaces", "events",
)  # fmt: skip


@pytest.fixture(scope="module")
def records() -> Records:
    return Records(World(7, EPOCH))


def paths(fields: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path that is owned."""
    for key, below in fields.items():
        yield (*before, key)
        yield from paths(below, (*before, key))


def found(value: Any, path: Sequence[str]) -> Any:
    """What stands at a path of an object; KeyError or StopIteration where nothing does."""
    for step in path:
        if step == ".":
            continue
        kind, _, name = step.partition(":")
        if kind == "k":
            wanted = json.loads(name)
            value = next(item for item in value if wanted.items() <= item.items())
        else:
            value = value[name]
    return value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", [0.0, ROLLBACK + 30.0])
def test_what_is_owned_exists_and_was_written_in_time(records: Records, kind: str, moment: float) -> None:
    documents = records.at(kind, moment)
    assert documents or kind == "events"
    for document in documents:
        entries = document["metadata"]["managedFields"]  # type: ignore[index]
        owners: set[tuple[str, ...]] = set()
        for entry in entries:
            assert (entry["operation"], entry["fieldsType"]) == ("Update", "FieldsV1")
            assert entry["apiVersion"] == document["apiVersion"]
            assert datetime.fromisoformat(entry["time"]) <= World(7, EPOCH).time(moment)
            for path in paths(entry["fieldsV1"]):
                found(document, path)
                if not any(step in (".", "f:metadata", "f:annotations") for step in path):
                    assert path not in owners, "two writers of one field"
                    owners.add(path)
        keys = [(entry["manager"], entry.get("subresource", "")) for entry in entries]
        assert len(set(keys)) == len(keys)
        if "status" in document and kind not in ("services", "namespaces"):
            assert [entry["subresource"] for entry in entries if "f:status" in entry["fieldsV1"]] == ["status"]


def test_only_a_change_of_the_template_moves_the_time_of_its_writer(records: Records) -> None:
    def written(moment: float) -> tuple[str, str]:
        checkout = next(one for one in records.at("deployments", moment) if one["metadata"]["name"] == "checkout")  # type: ignore[index]
        person, controller = checkout["metadata"]["managedFields"]  # type: ignore[index]
        assert "f:template" in person["fieldsV1"]["f:spec"]
        return person["time"], controller["time"]

    def at(seconds: float) -> str:
        return World(7, EPOCH).time(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert written(DEPLOY + 1)[0] == written(DEPLOY + 200)[0] == at(DEPLOY)
    early, late = written(ROLLBACK + 1), written(ROLLBACK + 60)
    assert early[0] == late[0] == at(ROLLBACK)
    assert early[1] < late[1]
