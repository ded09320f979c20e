"""Answers as plain lines and as JSON."""

from __future__ import annotations

from services.command import Column, Result, Table
from services.registry.rendering import cells, error_json, error_lines, result_json, result_lines
from services.vocabulary.errors import NotFound, Refused

TABLE = Table(
    (Column("NAME"), Column("AGE", numeric=True), Column("NOTE")), (("a", "4m", "x"), ("long name", "12h", ""))
)


def test_a_table_is_aligned() -> None:
    assert result_lines(Result("two", table=TABLE)) == [
        "two",
        "NAME       AGE  NOTE",
        "a           4m  x",
        "long name  12h",
    ]


def test_wide_characters_take_two_cells() -> None:
    assert [cells(text) for text in ("abc", "日本", "e\u0301")] == [3, 4, 1]
    wide = Table((Column("A"), Column("B")), (("日本", "x"), ("abcd", "y")))
    assert result_lines(Result("", table=wide))[1:] == ["日本  x", "abcd  y"]


def test_outside_text_steers_no_terminal() -> None:
    hostile = "\x1b]52;c;x\x07\u202e\n"
    table = Table((Column("A"),), ((hostile,),))
    lines = result_lines(Result(hostile, table=table, lines=(hostile,), undo=hostile))
    lines += error_lines(hostile, Refused(hostile, hostile, equivalent=hostile))
    assert all(line.isprintable() and "\u202e" not in line for line in lines)


def test_a_program_gets_raw_values_and_the_way_back() -> None:
    answer = result_json("/alerts ack", Result("done \u202e", data=[1], undo="/alerts unack x", ok=False))
    assert answer == {
        "ok": False, "command": "/alerts ack", "data": [1], "message": "done \u202e", "undo": "/alerts unack x",
    }  # fmt: skip


def test_failures_say_what_to_do() -> None:
    refused = Refused("the circuit is open", "close it", equivalent="amtool silence add")
    assert error_lines("/x", refused) == ["the circuit is open", "hint: close it", "by hand: amtool silence add"]
    assert error_json("/x", refused)["data"] == {"equivalent": "amtool silence add"}
    assert error_json("/x", NotFound("gone")) == {"ok": False, "command": "/x", "data": None, "message": "gone"}


def test_a_long_cell_is_cut_for_a_person_and_pads_no_other_row() -> None:
    long = "x" * 10_000
    table = Table((Column("NAME"), Column("NOTE"), Column("END")), (("a", "b", "c"), (long, "d", long)))
    lines = result_lines(Result("", table=table))
    assert max(map(len, lines)) < 300
    assert "…" in lines[-1]
    # Whoever searches the answer gets the whole of it, and the other rows are not drawn out by it.
    whole = result_lines(Result("", table=table), whole=True)
    assert whole[-1].count("x") == 20_000
    assert len(whole[1]) < 100
