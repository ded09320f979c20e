"""A list body gives the same items however it is cut on its way, and whatever stands inside them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.clusters.failures import VersionUnusable, failure
from services.clusters.splitting import ListSplitter
from services.vocabulary.errors import FailureKind

Json = dict[str, Any]
NASTY = ['},{"metadata":', '"},{"metadata":{', "items", '"items":[', "\\", '\\"', "é\n", "]}"]

labels = some.dictionaries(some.sampled_from([*NASTY, "app"]), some.sampled_from(NASTY) | some.text(), max_size=3)
# an item may itself hold a list whose entries begin as items do
claims = some.lists(some.fixed_dictionaries({"metadata": labels, "spec": labels}), max_size=3)
items = some.lists(
    some.fixed_dictionaries({"metadata": labels, "spec": some.fixed_dictionaries({"volumeClaimTemplates": claims})}),
    max_size=6,
)


def split(body: bytes, cuts: list[int]) -> tuple[list[Json], str, str]:
    splitter = ListSplitter(msgspec.json.Decoder(dict[str, Any]))
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    found: list[Json] = []
    for start, end in pairwise(places):
        found.extend(splitter.feed(body[start:end]))
    rest, end_of_list = splitter.close()
    return found + rest, end_of_list.resource_version, end_of_list.continue_


@given(items, some.lists(some.integers(0, 2000), max_size=8), some.sampled_from([(",", ":"), (", ", ": ")]))
def test_any_cut_gives_the_same_items(items: list[Json], cuts: list[int], separators: tuple[str, str]) -> None:
    head = {"kind": "PodList", "metadata": {"resourceVersion": "12", "continue": "next"}}
    body = json.dumps({**head, "items": items}, separators=separators).encode()
    assert split(body, cuts) == (items, "12", "next")
    turned = json.dumps({"items": items, **head}, separators=separators).encode()
    assert split(turned, cuts) == (items, "12", "next")


def test_items_leave_before_the_body_has_ended() -> None:
    splitter = ListSplitter(msgspec.json.Decoder(dict[str, Any]))
    first = list(
        splitter.feed(b'{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}},{"metadata":')
    )
    assert [item["metadata"]["name"] for item in first] == ["a", "b"]


def test_an_item_that_is_full_of_borders_is_looked_at_once() -> None:
    """Each border inside an unfinished item once made everything before it be decoded again."""
    decoded = 0

    class Counting:
        def decode(self, piece: memoryview) -> object:
            nonlocal decoded
            decoded += len(piece)
            return msgspec.json.decode(piece)

    splitter: ListSplitter[object] = ListSplitter(Counting())  # type: ignore[arg-type]
    item = b'{"metadata":{},"x":[' + b'{"metadata":{}},' * 5000 + b'{"metadata":{}}]}'
    body = b'{"items":[' + item + b"," + item + b',{"metadata":{}}],"metadata":{}}'
    found: list[object] = []
    for start in range(0, len(body), 4096):
        found.extend(splitter.feed(body[start : start + 4096]))
    rest, _ = splitter.close()
    assert [len(one) for one in [*found, *rest] if isinstance(one, dict)] == [2, 2, 1]
    assert decoded < 3 * len(body)


def test_what_never_becomes_an_item_is_not_held_for_ever() -> None:
    for begin in (b'{"x":"', b'{"items":[', b'{"items":[{"metadata":"', b'{"items":[{"metadata":{}},{"metadata":"'):
        with pytest.raises(msgspec.DecodeError, match="larger than 8 MB"):
            split(begin + b" " * 12_000_000, list(range(0, 12_000_000, 65536)))


def test_items_that_begin_differently_are_all_there() -> None:
    body = b'{"items":[{"metadata":{"name":"a"}},{"kind":"x"},{"metadata":{"name":"c"}}],"metadata":{}}'
    assert [next(iter(item)) for item in split(body, [5, 40])[0]] == ["metadata", "kind", "metadata"]


@pytest.mark.parametrize(
    ("code", "status", "unusable"),
    [
        (410, {"reason": "Expired"}, True),
        (410, {}, True),
        (0, {"code": 410, "reason": "Gone"}, True),
        (504, {"reason": "Timeout", "details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}}, True),
        (504, {"reason": "Timeout", "message": "Too large resource version: 9, current: 5"}, True),
        (504, {"reason": "Timeout", "message": "request timed out", "details": {"causes": None}}, False),
        (500, {"reason": "InternalError"}, False),
    ],
)
def test_versions_that_cannot_be_used(code: int, status: Json, unusable: bool) -> None:
    error = failure("kubernetes prod", code, json.dumps(status).encode())
    assert isinstance(error, VersionUnusable) is unusable
    assert error.kind is (FailureKind.REJECTED if unusable else FailureKind.SERVER)


def test_only_the_client_is_heavy() -> None:
    names = "clusters.access clusters.reflector deployments.watch deployments.view deployments.facts"
    imports = "; ".join(f"import services.{name}" for name in names.split())
    script = f"import sys; {imports}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"kubernetes", "aiohttp", "yaml", "httpx", "pydantic"} & set(output)
