"""Reading the configuration: file, environment, and all that can be wrong with them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from console.configuration.example import EXAMPLE
from console.configuration.http_sources import http_settings, prometheus_for
from console.configuration.loading import Loaded, load
from console.configuration.problems import ConfigurationError, NoConfiguration, NotActivated
from console.configuration.references import SecretError, resolve
from console.configuration.showing import values
from console.configuration.toml_lines import lines_of

FULL = """\
[feature_flags]
sre_mode = true
incident_response = true
[sre]
enabled = true
operator = "op-a"
[sre.prometheus]
url = "http://localhost:9090/"
timeout = 5
headers = { X-Scope-OrgID = "tenant-7" }
bearer = "env:TOKEN"
[[sre.alertmanager]]
name = "prod"
urls = [
  "http://localhost:9093",
  "http://localhost:9094",
]
environment = "production"
prometheus_url = "http://localhost:9090/two"
[[sre.alertmanager]]
name = "stage"
urls = ["http://stage:9093"]
prometheus_url = "http://elsewhere:9090"
basic = { username = "op", password = "env:PASSWORD" }
timeout = "1m30s"
[[sre.kubernetes]]
context = "prod"
namespaces = ["shop"]
[sre.oncall]
provider = "local"
[[sre.oncall.rotation]]
name = "primary"
members = ["op-a", "op-b"]
start = 2026-01-05T09:00:00
zone = "Europe/Berlin"
every = "1w"
[sre.store]
url = "sqlite:////tmp/x.db"
"""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    monkeypatch.setenv("PASSWORD", "hunter2")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def loaded(tmp_path: Path, text: str, **environment: str) -> Loaded:
    """What ``text`` and ``environment`` say."""
    file = tmp_path / "sre.toml"
    file.write_text(text)
    return load(file, environment)


def problems(tmp_path: Path, text: str, **environment: str) -> dict[str, str]:
    """Key path -> everything said about it."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, text, **environment)
    assert caught.value.lines()[0].startswith(str(tmp_path / "sre.toml"))
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_every_key_is_read(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FULL).settings
    assert settings.sre.operator == "op-a"
    assert settings.sre.alertmanager[0].urls == ["http://localhost:9093", "http://localhost:9094"]
    assert settings.sre.alertmanager[1].timeout == 90
    assert settings.sre.oncall.rotation[0].rotation().start == datetime(2026, 1, 5, 9)  # noqa: DTZ001 - a local time
    assert settings.environments == ("production", "stage", "prod")


def test_the_example_is_valid(tmp_path: Path) -> None:
    settings = loaded(tmp_path, EXAMPLE).settings
    assert settings.sre.enabled
    assert settings.feature_flags.incident_response
    assert settings.sre.store.url == f"sqlite:///{tmp_path}/state/sre-console/store.db"
    assert settings.sre.operator


def test_secrets_reach_the_client_and_nothing_else(tmp_path: Path) -> None:
    read = loaded(tmp_path, FULL)
    sre = read.settings.sre
    assert sre.prometheus is not None
    settings = http_settings("prometheus", sre.prometheus.url, sre.prometheus)
    assert (settings.bearer, settings.timeout, settings.headers) == ("t0ken", 5.0, {"X-Scope-OrgID": "tenant-7"})
    shown = "\n".join(" ".join(row) for row in values(read)) + repr(read) + repr(settings)
    assert "t0ken" not in shown
    assert "hunter2" not in shown
    assert "env:TOKEN" in shown


def test_credentials_go_to_the_origin_they_were_written_for(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FULL).settings
    prod, stage = settings.sre.alertmanager
    near = prometheus_for(settings, prod.name, prod.prometheus_url, prod)
    far = prometheus_for(settings, stage.name, stage.prometheus_url, stage)
    common = prometheus_for(settings, "x", None, prod)
    assert near is not None
    assert far is not None
    assert common is not None
    assert (near.base_url, near.bearer) == ("http://localhost:9090/two", "t0ken")
    assert (far.base_url, far.bearer, far.basic) == ("http://elsewhere:9090", None, ("op", "hunter2"))
    assert common.base_url == "http://localhost:9090"


def test_all_problems_are_told_at_once_with_key_line_and_hint(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
colour = "red"
[feature_flags]
sre_mod = true
[sre.prometheus]
url = "localhost:9090"
timeout = "soon"
bearer = "s3cr3t"
[[sre.alertmanager]]
name = "prod"
urls = ["http://a:9093", 7, "ftp://b", "http://op:pw@c"]
[[sre.alertmanager]]
name = "prod"
urls = []
[[sre.alertmanager]]
url = "http://x"
[sre.oncall]
provider = "pagerduty"
[[sre.oncall.rotation]]
name = "primary"
start = 2026-01-05T09:00:00Z
zone = "Europe/Berln"
every = "weekly"
[sre.store]
url = "mysql://x/y"
[sre.kubernetes]
context = "prod"
""",
    )
    text = "\n".join(found.values())
    assert "s3cr3t" not in text
    assert ":pw@" not in text
    expected = {
        "colour": ("line 1", "no such key", "known here: feature_flags, gateway, sre"),
        "feature_flags.sre_mod": ("line 3", "did you mean sre_mode?"),
        "sre.prometheus.url": ("line 5", "not a URL", "http://localhost:9093"),
        "sre.prometheus.timeout": ("line 6", "not a duration", "number of seconds"),
        "sre.prometheus.bearer": ("line 7", "must not be written down", "env:NAME"),
        "sre.alertmanager[0].urls[1]": ("line 10", "string", "quotes"),
        "sre.alertmanager[0].urls[2]": ("line 10", "not a URL"),
        "sre.alertmanager[0].urls[3]": ("line 10", "user or a password", "basic"),
        "sre.alertmanager[1].name": ("line 12", "named twice"),
        "sre.alertmanager[1].urls": ("line 13", "empty"),
        "sre.alertmanager[2].name": ("line 14", "missing"),
        "sre.alertmanager[2].urls": ("line 14", "missing"),
        "sre.alertmanager[2].url": ("line 15", "did you mean urls?"),
        "sre.oncall.provider": ("line 17", "PagerDuty", "local"),
        "sre.oncall.rotation[0].members": ("line 18", "missing"),
        "sre.oncall.rotation[0].start": ("line 20", "offset"),
        "sre.oncall.rotation[0].zone": ("line 21", "did you mean Europe/Berlin?"),
        "sre.oncall.rotation[0].every": ("line 22", "1w"),
        "sre.store.url": ("line 24", "mysql"),
        "sre.kubernetes": ("line 25", "list", "[[table]]"),
    }
    for key, parts in expected.items():
        for part in parts:
            assert part in found.get(key, "NOT FOUND"), (key, part, found)
    assert set(found) == set(expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sre", "not TOML"),
        ("[sre]\nenabled = 'yes'", "true or false"),
        ("sre = 5", "must be a table"),
        ('[sre.prometheus]\nurl = "http://x"\nbearer = "env:MISSING_HERE"', "MISSING_HERE is not set"),
        ('[sre.prometheus]\nurl = "http://x"\nbearer = "file:/missing/file"', "cannot be read"),
        ('[sre.prometheus]\nurl = "http://x"\nca_file = "/missing/ca.pem"', "there is no file"),
        (f'[sre.prometheus]\nurl = "http://x"\nca_file = "{__file__}"', "holds no certificates"),
        (f'[sre.prometheus]\nurl = "http://x"\nclient_cert = "{__file__}"', "cannot be used"),
        ('[sre.prometheus]\nurl = "http://x"\nproxy = "http://u:pw@p:1"', "must not be written down"),
        ('[sre.prometheus]\nurl = "http://x"\nproxy = "socks5h://p:1"', "SOCKS proxies are not supported"),
        ('[sre.prometheus]\nurl = "http://x"\nproxy = "http://p:port"', "not a proxy's URL"),
        ('[sre.prometheus]\nurl = "http://x"\nheaders = { Authorization = "x" }', "must not be written down"),
        ('[sre.prometheus]\nurl = "http://x"\nheaders = { "a b" = "x" }', "not the name of a header"),
        ('[sre.prometheus]\nurl = "http://x"\nbearer = "env:TOKEN"\nbasic = "env:TOKEN"', "exclude each other"),
        ('[sre.prometheus]\nurl = "http://x:99999"', "not a URL"),
        ('[sre.prometheus]\nurl = "http://x"\nbasic = { user = "x" }', "there is no such key"),
        ('[[sre.alertmanager]]\nname = "a/b"\nurls = ["http://x"]', "cannot be a name"),
    ],
)
def test_one_mistake(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(problems(tmp_path, text).values())


@pytest.mark.parametrize("secret", ["socks5://u:hunter2@p:1080", "socks4://u:hunter2@p", "p:3128/hunter2"])
def test_the_proxy_behind_a_reference_is_checked_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("PROXY_URL", secret)
    said = problems(tmp_path, '[sre.prometheus]\nurl = "http://x"\nproxy = "env:PROXY_URL"')
    (problem,) = said.values()
    assert "env:PROXY_URL" in problem
    assert "http://proxy:3128" in problem
    assert "hunter2" not in problem
    assert ("SOCKS" in problem) == secret.startswith("socks")


@pytest.mark.parametrize(
    ("text", "key"), [("[feature_flags]\nsre_mode = false", "sre_mode"), ("[sre]\nenabled = false", "enabled")]
)
def test_switched_off_says_how_to_activate(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(NotActivated, match=f"{key} is false .line 2.") as caught:
        loaded(tmp_path, text)
    assert f"{key} = true" in caught.value.hint


def test_no_configuration_shows_an_example_and_the_demo(tmp_path: Path) -> None:
    with pytest.raises(NoConfiguration) as caught:
        load(None, {"RUSTANT_API_KEY": "another program's", "SRE_CONSOLE_TEST_KUBECONFIG": "/x"})
    assert EXAMPLE in caught.value.hint
    assert "--demo" in caught.value.hint
    with pytest.raises(ConfigurationError, match="1 problem"):
        load(tmp_path / "missing.toml", {})


def test_the_environment_lies_on_top_and_the_newer_prefix_wins(tmp_path: Path) -> None:
    read = loaded(
        tmp_path,
        FULL,
        SRE_CONSOLE_SRE__OPERATOR="op-z",
        RUSTANT_SRE__OPERATOR="op-y",
        RUSTANT_SRE__PROMETHEUS__URL="http://other:9090",
        SRE_CONSOLE_FEATURE_FLAGS__INCIDENT_RESPONSE="off",
        SRE_CONSOLE_SRE__PROMETHEUS__TIMEOUT="7",
        SRE_CONSOLE_SRE__PROMETHEUS__HEADERS__X_TEAM="a",
        SRE_CONSOLE_SRE__ALERTMANAGER__0__URLS__1="http://second:9093",
        SRE_CONSOLE_SRE__ALERTMANAGER__1__URLS="http://a:1, http://b:2",
        SRE_CONSOLE_SRE__ALERTMANAGER__2__NAME="third",
        SRE_CONSOLE_SRE__ALERTMANAGER__2__URLS__0="http://third:9093",
        SRE_CONSOLE_SRE__ONCALL__ROTATION__0__START="2026-02-01T08:00:00",
        SRE_CONSOLE_SRE__KUBERNETES='[{context = "k1"}]',
        SRE_CONSOLE_TEST_KUBECONFIG="ignored",
        SRE_CONSOLE_CONFIG="ignored",
    )
    sre = read.settings.sre
    assert sre.operator == "op-z"
    assert sre.prometheus is not None
    assert (sre.prometheus.url, sre.prometheus.timeout) == ("http://other:9090", 7.0)
    assert sre.prometheus.headers == {"X-Scope-OrgID": "tenant-7", "x-team": "a"}
    assert read.settings.feature_flags.incident_response is False
    assert sre.alertmanager[0].urls[1] == "http://second:9093"
    assert sre.alertmanager[1].urls == ["http://a:1", "http://b:2"]
    assert sre.alertmanager[2].name == "third"
    assert sre.oncall.rotation[0].start == datetime(2026, 2, 1, 8)  # noqa: DTZ001
    assert [one.context for one in sre.kubernetes] == ["k1"]
    origins = {key: origin for key, _, origin in values(read)}
    assert origins["sre.operator"] == "$SRE_CONSOLE_SRE__OPERATOR"
    assert origins["sre.prometheus.url"] == "$RUSTANT_SRE__PROMETHEUS__URL"
    assert origins["sre.prometheus.bearer"] == "line 11"
    assert origins["sre.alertmanager[0].timeout"] == "default"
    assert origins["sre.kubernetes[0].context"] == "$SRE_CONSOLE_SRE__KUBERNETES"


def test_wrong_variables_are_named(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "",
        SRE_CONSOLE_SRE__OPERATR="x",
        SRE_CONSOLE_SRE__ENABLED="maybe",
        SRE_CONSOLE_SRE__ALERTMANAGER__5__NAME="x",
        SRE_CONSOLE_SRE__PROMETHEUS__URL="nonsense",
    )
    assert "$SRE_CONSOLE_SRE__OPERATR" in found["sre.operatr"]
    assert "did you mean operator?" in found["sre.operatr"]
    assert "true or false" in found["sre.enabled"]
    assert "next number is 0" in found["sre.alertmanager[5].name"]
    assert "not a URL" in found["sre.prometheus.url"]


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        return {("sre-console", "token"): "s1", ("vault", "token"): "s2"}.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


def test_references_lead_to_secrets(tmp_path: Path) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())  # type: ignore[no-untyped-call]
    try:
        assert resolve("keyring:token") == "s1"
        assert resolve("keyring:vault/token") == "s2"
        with pytest.raises(SecretError, match="keyring set sre-console other"):
            resolve("keyring:other")
    finally:
        keyring.set_keyring(before)
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    assert resolve(f"file:{file}") == "from a file"
    assert resolve("env:TOKEN") == "t0ken"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", b"esc\x1b[0m"])
def test_a_file_that_holds_no_secret_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SecretError) as caught:
        resolve(f"file:{file}")
    assert "two" not in str(caught.value)


def test_lines_are_found_through_arrays_strings_and_quoted_keys() -> None:
    text = 'a = """\nb = 1\n"""\n[x."y.z"]\nlist = [\n 1,\n]\nlast = 2\n[[t]]\n[t.u]\nv = 1\n[[t]]\n[t.u]\nv = 2\n'
    found = lines_of(text)
    assert found[("a",)] == 1
    assert ("b",) not in found
    assert found[("x", "y.z", "last")] == 8
    assert found[("t", 0, "u", "v")] == 11
    assert found[("t", 1, "u", "v")] == 14


def test_views_of_the_alerts(tmp_path: Path) -> None:
    text = (
        '[[sre.view]]\nname = "shop"\nfilter = "team=shop"\nby = "namespace,@service"\nsort = "largest"\nstart = true\n'
    )
    (view,) = [one.view() for one in loaded(tmp_path, text).settings.sre.view]
    assert (view.name, view.filter, str(view.grouping), view.sort.value, view.start) == (
        "shop",
        "team=shop",
        "namespace,@service",
        "largest",
        True,
    )
    wrong = problems(
        tmp_path,
        '[[sre.view]]\nname = "a"\nfilter = "a=~("\nstart = true\n'
        '[[sre.view]]\nname = "a"\nby = "@nothing"\nsort = "loudest"\n',
    )
    assert "regular expression" in wrong["sre.view[0].filter"]
    assert "there is no @nothing" in wrong["sre.view[1].by"]
    assert "'a' is named twice" in wrong["sre.view[1].name"]
    assert "sre.view[1].sort" in wrong
    two = problems(tmp_path, '[[sre.view]]\nname = "a"\nstart = true\n[[sre.view]]\nname = "b"\nstart = true\n')
    assert "one view only" in two["sre.view"]
