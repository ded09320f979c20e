"""The first look: flags, file, environment, remembered theme."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli import main
from console.configuration.paths import config_path, log_path, state_directory
from console.peek import take_peek
from console.preferences import Preferences
from services.vocabulary.errors import ConsoleError


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home of its own, without any variable of ours."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SRE_CONSOLE_CONFIG", raising=False)
    monkeypatch.delenv("RUSTANT_CONFIG", raising=False)
    return tmp_path


def write(text: str) -> None:
    """Make the configuration at the XDG path."""
    config_path().parent.mkdir(parents=True)
    config_path().write_text(text)


def test_or_demo_is_the_demo_only_without_any_configuration(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert take_peek(or_demo=True).demo
    assert not take_peek(or_demo=True, config=str(home / "missing.toml")).demo
    monkeypatch.setenv("SRE_CONSOLE_SRE__OPERATOR", "op-z")
    assert not take_peek(or_demo=True).demo
    monkeypatch.delenv("SRE_CONSOLE_SRE__OPERATOR")
    write("this is [not toml")
    broken = take_peek(or_demo=True)
    assert (broken.demo, broken.sound) == (False, False)


def test_variables_of_tests_and_of_other_programs_are_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRE_CONSOLE_TEST_KUBECONFIG", "/x")
    monkeypatch.setenv("RUSTANT_API_KEY", "x")
    assert take_peek(or_demo=True).demo
    assert not take_peek().sound


def test_names_come_from_the_file_and_flags_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        '[feature_flags]\nincident_response = true\n[[sre.alertmanager]]\nname = "prod"\nenvironment = "p"\n'
        '[[sre.kubernetes]]\ncontext = "k"\n[[sre.alertmanager]]\nname = 5\n'
    )
    peek = take_peek(wallboard=True, theme="sre-ansi")
    assert (peek.environments, peek.clusters, peek.contexts) == (("p", "k"), ("prod",), ("k",))
    assert (peek.wallboard, peek.theme, peek.incident_response, peek.oncall) == (True, "sre-ansi", True, False)
    monkeypatch.setenv("RUSTANT_FEATURE_FLAGS__INCIDENT_RESPONSE", "false")
    assert not take_peek().incident_response
    monkeypatch.setenv("SRE_CONSOLE_FEATURE_FLAGS__INCIDENT_RESPONSE", "true")
    assert take_peek().incident_response


def test_the_theme_is_remembered(home: Path) -> None:
    assert take_peek().theme == "sre-dark"
    Preferences(state_directory()).remember_theme("sre-light")
    assert take_peek().theme == "sre-light"
    assert take_peek(theme="sre-ansi").theme == "sre-ansi"
    assert state_directory().stat().st_mode & 0o777 == 0o700
    file = state_directory() / "preferences.json"
    assert file.stat().st_mode & 0o777 == 0o600
    for damaged in ("{", "[]", '{"theme": 5}', '{"theme": "gone"}'):
        file.write_text(damaged)
        assert take_peek().theme == "sre-dark"


def test_a_theme_that_cannot_be_kept_says_so(home: Path) -> None:
    state_directory().parent.mkdir(parents=True)
    state_directory().write_text("a file where a directory should be")
    with pytest.raises(ConsoleError, match="could not be remembered"):
        Preferences(state_directory()).remember_theme("sre-light")


def test_a_start_without_configuration_says_what_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "[[sre.alertmanager]]" in said.err
    assert "--demo" in said.err


def test_a_switched_off_console_says_how_to_switch_it_on(capsys: pytest.CaptureFixture[str]) -> None:
    write("[sre]\nenabled = false\n")
    assert main([]) == 2
    assert "set enabled = true under [sre]" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--theme", "pink"], ["exec"], ["nonsense"], ["config", "burn"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_config_check_show_and_path(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "x.toml"
    file.write_text('[sre]\noperator = "op-a"\n[sre.prometheus]\nurl = "http://p:9090"\nbearer = "env:NOT_SET_HERE"\n')
    assert main(["--config", str(file), "config", "path"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(file), f"log: {log_path()}"]
    assert main(["config", "show", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert '"env:NOT_SET_HERE"' in shown
    assert "# line 2" in shown
    assert main(["config", "check", "--config", str(file)]) == 2
    assert "sre.prometheus.bearer (line 5)" in capsys.readouterr().err
    file.write_text('[sre]\noperator = "op-a"\n')
    assert main(["config", "check", "--config", str(file)]) == 0
    assert "sound" in capsys.readouterr().out
