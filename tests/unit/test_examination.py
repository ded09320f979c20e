"""What the doctor says of files, secrets, encryption and packages; it never says a secret."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from console.configuration.model import Settings
from console.examination import encryption, secrets
from console.examination.files import log_remarks, open_to_others, secret_file_remarks
from console.examination.kubeconfigs import Kubeconfig, read_kubeconfigs
from console.examination.packages import distribution_remarks, shadow_remarks
from console.examination.remark import Remark
from services.http_settings import HttpSettings
from tests.support.certificate import make_certificate


def texts(remarks: Iterable[Remark]) -> str:
    return "\n".join(remark.text for remark in remarks)


@pytest.mark.parametrize(
    ("mode", "secret", "expected"),
    [
        (0o600, True, None),
        (0o400, True, None),
        (0o644, True, True),
        (0o640, True, True),
        (0o644, False, False),
        (0o620, False, True),
        (0o602, False, True),
    ],
)
def test_a_file_that_others_can_read_or_alter(tmp_path: Path, mode: int, secret: bool, expected: bool | None) -> None:
    file = tmp_path / "file"
    file.write_text("")
    file.chmod(mode)
    found = list(open_to_others(file, "the file", secret=secret))
    assert [one.fails for one in found] == ([] if expected is None else [expected])
    if found:
        assert f"chmod 600 {file}" in found[0].text
        assert f"{mode:04o}" in found[0].text
    assert list(open_to_others(tmp_path / "missing", "x", secret=True)) == []


def test_the_log_and_the_older_ones_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "state" / "console.log"
    assert list(log_remarks(log)) == []
    log.parent.mkdir()
    for name, mode in (("console.log", 0o600), ("console.log.1", 0o644)):
        (log.parent / name).write_text("")
        (log.parent / name).chmod(mode)
    (found,) = log_remarks(log)
    assert found.fails
    assert "console.log.1" in found.text
    log.unlink()
    log.mkdir()
    assert "cannot be written" in texts(log_remarks(log))


def test_secret_files_of_the_configuration_are_looked_at(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hunter2")
    token.chmod(0o644)
    settings = Settings.model_validate(
        {"sre": {"prometheus": {"url": "http://x", "bearer": f"file:{token}", "headers": {"X-A": f"file:{token}"}}}}
    )
    assert set(secrets.secret_files(settings)) == {token}
    (found,) = secret_file_remarks(secrets.secret_files(settings))
    assert found.fails
    assert "hunter2" not in found.text


def test_the_key_of_the_gateway_is_looked_at_wherever_it_is(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    apart = Settings.model_validate({"gateway": {"tls_cert": str(certificate), "tls_key": str(key)}})
    assert set(secrets.secret_files(apart)) == {key}
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    both.chmod(0o644)
    together = Settings.model_validate({"gateway": {"tls_cert": str(both)}})
    assert set(secrets.secret_files(together)) == {both}
    (found,) = secret_file_remarks(secrets.secret_files(together))
    assert found.fails


def test_secrets_in_plain_text_are_named_and_not_shown() -> None:
    settings = Settings.model_validate(
        {
            "sre": {
                "prometheus": {
                    "url": "http://x",
                    "headers": {"X-Api-Key": "hunter2", "X-Scope-OrgID": "shop", "X-Token": "env:TOKEN"},
                },
                "alertmanager": [{"name": "a", "urls": ["http://x"]}],
            }
        }
    )
    (found,) = secrets.configuration_remarks(settings)
    assert "sre.prometheus.headers.X-Api-Key" in found.text
    assert not found.fails
    assert "hunter2" not in found.text


KUBECONFIG = """
apiVersion: v1
clusters:
- {name: k, cluster: {server: "https://u:hunter2@k:6443", insecure-skip-tls-verify: true}}
- {name: clear, cluster: {server: "http://clear:8080"}}
- {name: unused, cluster: {server: "http://unused", insecure-skip-tls-verify: true}}
users:
- name: u
  user:
    exec:
      command: aws
      env: [{name: AWS_SECRET_ACCESS_KEY, value: hunter2}, {name: AWS_PROFILE, value: shop}]
      args: [get-token, "--token=hunter2"]
- {name: v, user: {username: a, password: hunter2}}
contexts:
- {name: one, context: {cluster: k, user: u}}
- {name: two, context: {cluster: clear, user: v}}
"""


def kubeconfig(tmp_path: Path, *contexts: str) -> Kubeconfig:
    file = tmp_path / "config"
    file.write_text(KUBECONFIG)
    (found,) = read_kubeconfigs([file, file, tmp_path / "missing"], contexts)
    return found


def test_a_kubeconfig_is_read_for_the_configured_contexts_alone(tmp_path: Path) -> None:
    one, two = kubeconfig(tmp_path, "one"), kubeconfig(tmp_path, "two")
    assert (set(one.clusters), set(one.users), one.holds_credentials) == ({"k"}, {"u"}, False)
    assert (set(two.clusters), set(two.users), two.holds_credentials) == ({"clear"}, {"v"}, True)
    said = texts(secrets.kubeconfig_remarks(one))
    assert "AWS_SECRET_ACCESS_KEY" in said
    assert "AWS_PROFILE" not in said
    assert "arguments of the plugin of the user u" in said
    assert "server of the cluster k holds a password" in said
    said += texts(secrets.kubeconfig_remarks(two))
    assert "the user v has a password in plain text" in said
    assert "insecure-skip-tls-verify" in texts(encryption.kubeconfig_remarks(one))
    assert "plain http at clear:8080" in texts(encryption.kubeconfig_remarks(two))
    assert "hunter2" not in said


@pytest.mark.parametrize("text", ["", "[", "- a\n- b", "clusters: 5\ncontexts: [1, {name: one}]", "\x00"])
def test_a_kubeconfig_that_is_none_is_left_to_its_source(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    for found in read_kubeconfigs([file], ["one"]):
        assert not found.clusters


@pytest.mark.parametrize(
    ("url", "bearer", "warned"),
    [
        ("http://prometheus:9090", "token", True),
        ("http://10.0.0.7", "token", True),
        ("http://prometheus:9090", None, False),
        ("https://prometheus:9090", "token", False),
        ("http://localhost:9090", "token", False),
        ("http://127.0.0.2:9090", "token", False),
        ("http://[::1]:9090", "token", False),
    ],
)
def test_credentials_in_clear_text(url: str, bearer: str | None, warned: bool) -> None:
    found = list(encryption.http_remarks([HttpSettings("prometheus", url, bearer=bearer)] * 2))
    assert len(found) == warned
    assert not any(one.fails for one in found)


def test_the_password_of_a_proxy_in_clear_text() -> None:
    settings = HttpSettings("prometheus", "https://x", proxy="http://u:hunter2@proxy:3128")
    (found,) = encryption.http_remarks([settings])
    assert "proxy:3128" in found.text
    assert "hunter2" not in found.text


def test_packages_of_our_names_elsewhere_on_the_path(tmp_path: Path) -> None:
    home, foreign, empty = tmp_path / "home", tmp_path / "foreign", tmp_path / "empty"
    for directory in (home, foreign, empty):
        directory.mkdir()
    for name in ("console", "services"):
        (home / name).mkdir()
        (home / name / "__init__.py").write_text("")
    (foreign / "services").mkdir()
    (foreign / "services" / "__init__.py").write_text("")
    (foreign / "themes.py").write_text("")
    (foreign / "widgets").mkdir()  # a directory without code shadows nothing that is a package
    (found,) = shadow_remarks(home, [str(home), str(foreign), str(empty), str(tmp_path / "missing")])
    assert (found.check, found.fails) == ("packages", False)
    assert str(foreign) in found.text
    assert "(services, themes)" in found.text


def test_distributions_that_bring_packages_of_our_names(tmp_path: Path) -> None:
    owners = {"console": ["sre-console", "console"], "themes": ["sre_console"], "requests": ["requests"]}
    (found,) = distribution_remarks(tmp_path, owners)
    assert found.fails
    assert "the package console of the distribution console" in found.text
    assert not list(distribution_remarks(Path(sys.prefix)))
