"""[[sre.policies]]: every mistake is told with its key and a hint, and none of them keeps the console from starting."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from console.cli import main
from console.configuration.loading import Loaded, load
from console.configuration.problems import ConfigurationError
from services.policy.evaluate import evaluate
from services.policy.model import Answer, Effect, Freeze, Hours, Limits, Policy, Scope, Window
from services.safety.gate import Asked
from tests.support.clock import EPOCH
from tests.support.store import OPERATOR, Outside, plan_for

EVERYTHING = """\
[[sre.policies]]
name = "everything"
effect = "require-approval"
reason = "because"
actions = ["kubernetes.*"]
commands = ["deploy *"]
risks = ["destructive"]
sources = ["kubernetes prod"]
environments = ["prod"]
namespaces = ["~pay.*"]
surfaces = ["exec"]
automation = true
zone = "Europe/Berlin"
max_targets = 5
max_percent = 20
approvals = 2
approvers = ["op-b", "db:op_c"]
during = [{ days = ["fri-mon"], start = "22:00", end = "06:00" }, { start = 12:00:00 }]
outside = [{ days = ["Wednesday"] }]
[[sre.policies.freezes]]
start = 2026-10-25T02:30:00
end = 2026-10-25T02:30:00
reason = "both readings"
[[sre.policies.freezes]]
start = "2026-12-20T00:00:00+00:00"
end = 2026-12-21T00:00:00
zone = "America/New_York"
"""


def loaded(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "sre.toml"
    file.write_text(text)
    return load(file, {})


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    found = loaded(tmp_path, EVERYTHING)
    assert found.unreadable == ()
    (settings,) = found.settings.sre.policies
    assert settings.policy() == Policy(
        "everything",
        Effect.REQUIRE_APPROVAL,
        "because",
        scope=Scope(
            ("kubernetes.*",),
            ("deploy *",),
            ("destructive",),
            ("kubernetes prod",),
            ("prod",),
            ("~pay.*",),
            ("exec",),
            automation=True,
        ),
        hours=Hours(
            "Europe/Berlin",
            (
                Window(frozenset({4, 5, 6, 0}), time(22), time(6)),
                Window(frozenset(range(7)), time(12), time(0)),
            ),
            (Window(frozenset({2}), time(0), time(0)),),
            (
                # Clocks show 02:30 twice: it begins at the first and ends at the second.
                Freeze(
                    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
                    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
                    "both readings",
                ),
                Freeze(datetime(2026, 12, 20, tzinfo=UTC), datetime(2026, 12, 21, 5, tzinfo=UTC)),
            ),
        ),
        limits=Limits(5, 20.0),
        count=2,
        approvers=("op-b", "db:op_c"),
    )


HEAD = '[[sre.policies]]\nname = "p"\neffect = "block"\n'


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (HEAD + 'zone = "Europe/Berln"\n', "sre.policies[0].zone", "did you mean Europe/Berlin?"),
        (HEAD + 'environments = ["~("]\n', "sre.policies[0].environments[0]", "is no regular expression"),
        (HEAD + 'enviroments = ["prod"]\n', "sre.policies[0].enviroments", "did you mean environments?"),
        (HEAD + 'risks = ["read"]\n', "sre.policies[0].risks[0]", "'write' or 'destructive'"),
        (HEAD + "max_percent = 120\n", "sre.policies[0].max_percent", "less than or equal to 100"),
        (HEAD + "approvals = 1\n", "sre.policies[0]", "takes no approvals"),
        (HEAD + 'during = [{ start = "25:00" }]\n', "sre.policies[0].during[0].start", "not a time of day"),
        (HEAD + 'during = [{ start = "09:00", end = "09:00" }]\n', "sre.policies[0].during[0]", "leave both out"),
        (HEAD + 'during = [{ days = ["someday"] }]\n', "sre.policies[0].during[0].days", "no day of the week"),
        (HEAD + 'during = [{ from = "09:00" }]\n', "sre.policies[0].during[0].from", "known here: days, end, start"),
        (
            HEAD + "freezes = [{ start = 2026-12-20, end = 2026-12-21 }]\n",
            "sre.policies[0].freezes[0].start",
            "date and",
        ),
        (
            HEAD + "freezes = [{ start = 2026-12-21T00:00:00, end = 2026-12-20T00:00:00 }]\n",
            "sre.policies[0]",
            "ends before it starts",
        ),
        ('[[sre.policies]]\neffect = "block"\n', "sre.policies[0].name", "it is missing"),
        ('[[sre.policies]]\nname = "p"\neffect = "allow"\n', "sre.policies[0].effect", "'block' or 'require-approval'"),
        (HEAD + HEAD, "sre.policies[1].name", "named twice"),
        ('[sre.policies]\nname = "p"\n', "sre.policies", "write [[sre.policies]]"),
        (
            '[[sre.policies]]\nname = "p"\neffect = "require-approval"\napprovals = 2\napprovers = ["a"]\n',
            "sre.policies[0]",
            "2 approvals and names 1",
        ),
    ],
)
def test_a_mistake_is_told_and_blocks_and_the_console_starts(tmp_path: Path, text: str, key: str, words: str) -> None:
    found = loaded(tmp_path, text)
    said = {problem.key: str(problem) for problem in found.unreadable}
    assert words in said[key]
    assert "line " in said[key]
    policies = [one.policy() for one in found.settings.sre.policies]
    assert evaluate(policies, Asked(plan_for(Outside()), "/thing", OPERATOR, EPOCH)).answer is Answer.BLOCKED


def test_what_can_be_read_of_the_scope_still_narrows(tmp_path: Path) -> None:
    found = loaded(tmp_path, HEAD + 'environments = ["stage"]\nzone = "Nowhere"\nactions = ["~("]\nfoo = 1\n')
    assert len(found.unreadable) == 3
    (policy,) = [one.policy() for one in found.settings.sre.policies]
    assert policy.scope == Scope(environments=("stage",))
    assert len(policy.problems) == 3


def test_beside_other_mistakes_all_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, f'[sre.prometheus]\nurl = "nonsense"\n{HEAD}zone = "Nowhere"\n')
    assert {problem.key for problem in caught.value.problems} == {"sre.prometheus.url", "sre.policies[0].zone"}


def test_config_check_fails_and_config_show_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sre.toml"
    file.write_text(HEAD + 'zone = "Nowhere"\n')
    assert main(["--config", str(file), "config", "check"]) == 2
    said = capsys.readouterr().err
    assert "1 problem in the policies" in said
    assert "sre.policies[0].zone (line 4)" in said
    assert main(["--config", str(file), "config", "show"]) == 0
    assert "sre.policies[0].name" in capsys.readouterr().out
