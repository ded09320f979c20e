"""The configuration as lines for a person."""

from __future__ import annotations

from console.configuration.showing import lines


def test_a_long_value_is_cut_for_a_terminal_and_pads_no_other_line() -> None:
    rows = [("sre.operator", '"op-a"', "config.toml"), ("sre.note", f'"{"x" * 10_000}"', "config.toml")]
    short, long = lines(rows, whole=False)
    assert short == 'sre.operator = "op-a"' + " " * 56 + "# config.toml"
    assert len(long) < 500
    assert "…" in long
    assert lines(rows, whole=True) == [short, f'sre.note     = "{"x" * 10_000}"  # config.toml']


def test_lines_are_aligned() -> None:
    rows = [("a", "1", "here"), ("long", "22", "there")]
    assert lines(rows, whole=False) == ["a    = 1   # here", "long = 22  # there"]
    assert lines([], whole=False) == []
