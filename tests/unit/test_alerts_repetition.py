"""An answer that says the same again is not read again; one that differs in a single byte is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.repetition import LastAnswer
from services.vocabulary.errors import ConsoleError

texts = st.binary(max_size=12)
sizes = st.lists(st.integers(1, 5), max_size=12)


class Reader:
    """Reads an answer as its bytes, and counts how often it had to."""

    def __init__(self) -> None:
        self.readings = 0
        self.last = LastAnswer(self._read)

    async def _read(self, chunks: AsyncIterator[bytes]) -> list[int]:
        self.readings += 1
        text = b"".join([chunk async for chunk in chunks])
        if text == b"broken":
            raise ConsoleError("broken")
        return list(text)

    async def read(self, text: bytes, sizes: list[int] | None = None) -> bytes:
        return bytes(await self.last.read(_pieces(text, sizes or [])))


async def _pieces(text: bytes, sizes: list[int]) -> AsyncIterator[bytes]:
    start = 0
    for size in sizes:
        if start < len(text):
            yield text[start : start + size]
        start += size
    if text[start:]:
        yield text[start:]


@given(st.lists(st.tuples(texts, sizes), max_size=6))
async def test_every_answer_means_what_it_says(answers: list[tuple[bytes, list[int]]]) -> None:
    reader, before, changes = Reader(), b"", 0
    for text, pieces in answers:
        assert await reader.read(text, pieces) == text
        changes += text != before or not text
        before = text
    assert reader.readings == changes


async def test_an_answer_that_could_not_be_read_changes_nothing() -> None:
    reader = Reader()
    await reader.read(b"alerts")
    for _ in range(2):
        with pytest.raises(ConsoleError):
            await reader.read(b"broken")
    assert await reader.read(b"alerts") == b"alerts"
    assert reader.readings == 3


async def test_whoever_is_handed_the_items_may_change_their_list() -> None:
    reader = Reader()
    (await reader.last.read(_pieces(b"alerts", []))).clear()
    (await reader.last.read(_pieces(b"alerts", []))).clear()
    assert await reader.read(b"alerts") == b"alerts"


async def test_a_long_answer_is_read_each_time() -> None:
    reader = Reader()
    text = bytes(1024 * 1024 + 1)
    for _ in range(2):
        assert await reader.read(text, [400_000] * 2) == text
    assert reader.readings == 2
    assert await reader.read(b"alerts") == b"alerts"
