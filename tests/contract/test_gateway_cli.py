"""The gateway and its tokens from the command line, as a person uses them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from console.cli import main
from tests.support.certificate import make_certificate

ROOT = Path(__file__).parents[2]
_CONSOLE = "import sys; from console.cli import main; sys.exit(main())"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that is nothing but a store and a free port."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SRE_CONSOLE_CONFIG", raising=False)
    file = tmp_path / "config.toml"
    file.write_text(
        f'[gateway]\nport = 0\n[sre]\noperator = "op-a"\n[sre.store]\nurl = "sqlite:///{tmp_path}/s/s.db"\n'
    )
    return file


def run(config: Path, *words: str) -> int:
    return main([*words, "--config", str(config)])


def made(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(config, "token", "create", *words) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(r"sre_[\w-]{43}\n", out)  # nothing but the token, so that a script can take it
    return out.strip()


@contextmanager
def serving(config: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A gateway of its own, and where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CONSOLE, "gateway", "--config", str(config), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("the gateway listens on http"), (line, process.stderr and process.stderr.read())
        yield process, line.split()[4].rstrip(";")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_token_is_shown_once_listed_and_revoked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = made(config, capsys, "--scope", "read", "--scope", "circuit:write", "--name", "deploy-bot")
    made(config, capsys, "--scope", "read", "--expires", "90d")
    assert run(config, "token", "list") == 0
    listed = capsys.readouterr().out
    assert secret not in listed
    rows = [line.split() for line in listed.splitlines()[1:]]
    assert rows[0][:5] == ["1", "deploy-bot", "read,", "circuit:write", "valid"]
    assert rows[0][-2:] == ["op-a", "never"]
    assert rows[1][:4] == ["2", "token-2", "read", "valid"]
    assert run(config, "token", "revoke", "1") == 0
    assert run(config, "token", "list") == 0
    assert "revoked" in capsys.readouterr().out.splitlines()[2]
    assert run(config, "token", "revoke", "7") == 1
    assert "there is no token 7" in capsys.readouterr().err
    assert run(config, "exec", "/audit list") == 0
    audit = capsys.readouterr().out
    assert "token 1 deploy-bot made for read and circuit:write" in audit
    assert "token 1 deploy-bot revoked" in audit
    everything = b"".join(file.read_bytes() for file in config.parent.rglob("*") if file.is_file())
    assert secret.encode() not in everything


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--scope", "read", "--expires", "soon"], 2, "--expires"),
        (["--scope", "read", "--name", "a\x1b[31m"], 1, "printable"),
        (["--scope", "read", "--name", "taken"], 1, "there is a token taken already"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    made(config, capsys, "--scope", "read", "--name", "taken")
    assert run(config, "token", "create", *words) == code
    got = capsys.readouterr()
    assert got.out == ""
    assert said in got.err
    assert "\x1b" not in got.err


def test_a_token_needs_a_scope_that_there_is(config: Path) -> None:
    for words in ([], ["--scope", "write"]):
        with pytest.raises(SystemExit) as ended:
            run(config, "token", "create", *words)
        assert ended.value.code == 2


def test_without_a_token_it_does_not_start(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "gateway") == 1
    got = capsys.readouterr()
    assert "the gateway has no valid token" in got.err
    assert "sre-console token create" in got.err


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_serves_until_it_is_ended(
    config: Path, capsys: pytest.CaptureFixture[str], ending: signal.Signals, code: int
) -> None:
    secret = made(config, capsys, "--scope", "read")
    with serving(config) as (process, url):
        answer = httpx.get(f"{url}/api/sre/status", headers={"Authorization": f"Bearer {secret}"}, trust_env=False)
        assert answer.status_code == 200
        # A second one on the same port.
        port = url.rpartition(":")[2]
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        assert run(config, "gateway") == 1
        assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err
        process.send_signal(ending)
        assert process.wait(60) == code
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_read_only_moves_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = made(config, capsys, "--scope", "read", "--scope", "circuit:write")
    with serving(config, "--read-only") as (_, url):
        headers = {"Authorization": f"Bearer {secret}", "If-Match": "*"}
        answer = httpx.post(f"{url}/api/sre/circuit", json={"action": "open"}, headers=headers, trust_env=False)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('host = "0.0.0.0"', "can be reached from outside"),
        ('host = "console.example.com"\npublic = true', "takes TLS"),
        ('host = "a b"', "no address to listen on"),
        ("port = 70000", "less than or equal to 65535"),
        ('allowed_hosts = ["*.example.com"]', "without scheme, port and wildcard"),
        ('allowed_hosts = ["https://x.example"]', "not the name of a host"),
        ('allowed_hosts = ["x.example:443"]', "not the name of a host"),
        ('tls_cert = "/nowhere.pem"', "there is no file"),
        ('tls_key = "CONFIG"', "has no certificate"),
        ('tls_cert = "CONFIG"', "cannot be used"),
        ("requests_per_second = 0", "greater than or equal to 1"),
        ("secret = 1", "there is no such key"),
    ],
)
def test_a_gateway_that_is_not_safe_is_not_configured(
    config: Path, capsys: pytest.CaptureFixture[str], lines: str, said: str
) -> None:
    config.write_text(f"[gateway]\n{lines}\n".replace("CONFIG", str(config)))
    assert run(config, "config", "check") == 2
    assert said in capsys.readouterr().err


def test_one_for_others_has_a_certificate_and_is_meant(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = make_certificate(config.parent)
    config.write_text(
        f'[gateway]\nhost = "0.0.0.0"\npublic = true\ntls_cert = "{certificate}"\ntls_key = "{key}"\n'
        'allowed_hosts = ["Console.example.com", "2001:db8::1"]\n'
    )
    assert run(config, "config", "check") == 0
    capsys.readouterr()
