"""Reads the configuration: file, environment, then every check; all problems are told together."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from console.configuration import paths
from console.configuration.environment import overlay
from console.configuration.example import EXAMPLE
from console.configuration.model import Settings, proxy_problem
from console.configuration.policies import read_policies
from console.configuration.problems import (
    ConfigurationError,
    NoConfiguration,
    NotActivated,
    Path,
    Problem,
    key_text,
    near,
)
from console.configuration.references import SecretError, is_reference, resolve
from console.configuration.toml_lines import line_of, lines_of

_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Loaded:
    """A valid configuration and where it comes from.

    Attributes:
        settings: the values.
        file: the file that was read; None where only the environment says something.
        document: what was given, before defaults.
        lines: where in the file.
        variables: which environment variable a path comes from.
        unreadable: what is wrong with the policies; the console starts, and they block what they may cover.
    """

    settings: Settings
    file: FilePath | None
    document: Mapping[str, Any] = field(repr=False, default_factory=dict)
    lines: dict[Path, int] = field(repr=False, default_factory=dict)
    variables: dict[Path, str] = field(repr=False, default_factory=dict)
    unreadable: tuple[Problem, ...] = ()

    def origin(self, path: Path) -> str:
        """``line 12``, ``$SRE_CONSOLE_…`` or ``default``."""
        value: Any = self.document
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return "default"
        return _where(path, self.lines, self.variables) or "file"


def load(named: FilePath | None, environment: Mapping[str, str] | None = None, *, secrets: bool = True) -> Loaded:
    """Read and check everything.

    Args:
        named: the file that the person named; None reads the one at the XDG path.
        environment: by default that of the process.
        secrets: whether every reference must lead to a secret.

    Raises:
        NoConfiguration: there is neither a file nor a variable.
        NotActivated: it is switched off.
        ConfigurationError: anything is wrong with it.
    """
    variables = os.environ if environment is None else environment
    file = named or paths.config_path()
    document, lines = _read(file, named is not None)
    given = document is not None
    document = document or {}
    origins, problems = overlay(document, Settings, variables)
    # What a variable sets stands no longer in the file.
    lines = {path: line for path, line in lines.items() if not any(path[: len(one)] == one for one in origins)}
    if not given and not origins and not problems:
        raise NoConfiguration(
            f"there is no configuration at {file}",
            f"write it, for example:\n\n{EXAMPLE}\nor try the simulated production: sre-console --demo",
        )
    _refuse_inactive(document, lines, origins, file)
    settings: Settings | None = None
    unreadable = list(_policy_problems(document, lines, origins))
    try:
        settings = Settings.model_validate(document)
    except ValidationError as failure:
        problems += [
            _problem(error, lines, origins) for error in failure.errors(include_url=False, include_input=False)
        ]
    found = (*_duplicates(document), *(_unresolved(document) if secrets else ()))
    problems += [Problem(key_text(path), message, hint, _where(path, lines, origins)) for path, message, hint in found]
    if problems or settings is None:
        problems += unreadable
        order = {name: number for number, name in enumerate(dict.fromkeys(problem.key for problem in problems))}
        problems.sort(key=lambda one: (_line_number(one), order[one.key]))
        raise ConfigurationError(str(file) if given else "the environment", problems)
    return Loaded(settings, file if given else None, document, lines, origins, tuple(unreadable))


def _policy_problems(
    document: Mapping[str, Any], lines: dict[Path, int], origins: dict[Path, str]
) -> Iterator[Problem]:
    sre = document.get("sre")
    policies = sre.get("policies", []) if isinstance(sre, dict) else []
    for number, policy in enumerate(read_policies(policies)):
        place: Path = ("sre", "policies", number) if isinstance(policies, list) else ("sre", "policies")
        for error in policy.errors:
            yield _problem({**error, "loc": (*place, *error["loc"])}, lines, origins)


def _read(file: FilePath, must_exist: bool) -> tuple[dict[str, Any] | None, dict[Path, int]]:
    try:
        with file.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        if must_exist:
            raise ConfigurationError(
                str(file), [Problem("", "there is no such file", "check --config and SRE_CONSOLE_CONFIG")]
            ) from None
        return None, {}
    except OSError as error:
        raise ConfigurationError(str(file), [Problem("", f"it cannot be read: {error.strerror}")]) from None
    if len(raw) > _LARGEST:
        raise ConfigurationError(str(file), [Problem("", "it is larger than 4 MB", "is it the right file?")])
    try:
        text = raw.decode("utf-8-sig")
        return tomllib.loads(text), lines_of(text)
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            str(file), [Problem("", f"it is not UTF-8 (byte {error.start})", "save it as UTF-8")]
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(file), [Problem("", f"it is not TOML: {error}")]) from None


def _refuse_inactive(
    document: Mapping[str, Any], lines: dict[Path, int], origins: dict[Path, str], file: FilePath
) -> None:
    for path in (("feature_flags", "sre_mode"), ("sre", "enabled")):
        table = document.get(path[0])
        if isinstance(table, dict) and table.get(path[1]) is False:
            where = _where(path, lines, origins)
            raise NotActivated(
                f"the console is switched off: {key_text(path)} is false ({where or file})",
                f"to activate it, set {path[1]} = true under [{path[0]}] in {file}",
            )


def _problem(error: ErrorDetails, lines: dict[Path, int], origins: dict[Path, str]) -> Problem:
    path: Path = error["loc"]
    kind = error["type"]
    context = error.get("ctx", {})
    where = _where(path, lines, origins)
    if kind == "extra_forbidden":
        known = _keys_at(path[:-1])
        return Problem(key_text(path), "there is no such key", near(str(path[-1]), known), where)
    if kind == "missing":
        return Problem(key_text(path), "it is missing", "", _where(path[:-1], lines, origins))
    if kind == "wrong":
        return Problem(key_text(path), context["message"], context["hint"], where)
    message = error["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "it must be").replace("a valid ", "a ")
    message = message.replace("a dictionary or instance of", "a table, not").replace("List should", "it should")
    if kind in ("model_type", "dict_type"):
        message = "it must be a table"
    elif kind == "list_type":
        message = "it must be a list"
    elif kind == "too_short":
        message = "the list is empty"
    elif kind == "string_too_short":
        message = "it is empty"
    return Problem(key_text(path), message, _advice(kind), where)


def _advice(kind: str) -> str:
    return {
        "string_type": 'write it in quotes, as in "text"',
        "bool_type": "write true or false, without quotes",
        "list_type": 'write it in brackets, as in ["one", "two"], or as [[table]]',
        "datetime_type": "write a local date and time without quotes, as in 2026-01-05T09:00:00",
        "float_type": 'write seconds, or a duration such as "10s"',
    }.get(kind, "")


def _keys_at(path: Path) -> list[str]:
    model: Any = Settings
    for part in path:
        if isinstance(part, int):
            continue
        info = model.model_fields.get(part)
        model = next((one for one in _models(info.annotation)), None) if info is not None else None
        if model is None:
            return ["no key"]
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) is None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def _duplicates(document: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    for *parents, key in (
        ("sre", "alertmanager", "name"),
        ("sre", "kubernetes", "context"),
        ("sre", "oncall", "rotation", "name"),
        ("sre", "view", "name"),
    ):
        tables: Any = document
        for parent in parents:
            tables = tables.get(parent) if isinstance(tables, dict) else None
        seen: set[str] = set()
        for index, table in enumerate(tables if isinstance(tables, list) else ()):
            name = table.get(key) if isinstance(table, dict) else None
            if isinstance(name, str):
                if name in seen:
                    yield (*parents, index, key), f"{name!r} is named twice", "every one needs a name of its own"
                seen.add(name)


def _unresolved(document: Any, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in children:
        inner = (*path, key)
        if isinstance(value, str) and is_reference(value) and _holds_secret(inner):
            try:
                secret = resolve(value)
            except SecretError as error:
                yield inner, error.message, error.hint
            else:
                if key == "proxy" and (problem := proxy_problem(secret)):
                    yield inner, f"{value}: {problem[0]}", problem[1]
                if _of_audit(inner):
                    from services.storage.keys import MAKE, SHORTEST

                    if len(secret) < SHORTEST:
                        yield inner, f"{value}: a key of the audit has at least {SHORTEST} characters", MAKE
        else:
            yield from _unresolved(value, inner)


def _holds_secret(path: Path) -> bool:
    if path[-1] in ("bearer", "basic", "password", "proxy"):
        return True
    return _of_audit(path) or (len(path) > 1 and path[-2] == "headers")


def _of_audit(path: Path) -> bool:
    return path[:2] == ("sre", "audit") and path[2:3] in (("key",), ("earlier_keys",))


def _where(path: Path, lines: dict[Path, int], origins: dict[Path, str]) -> str:
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return f"${origins[path[:length]]}"
        if path[:length] in lines:
            break
    number = line_of(path, lines)
    return f"line {number}" if number else ""


def _line_number(problem: Problem) -> int:
    return int(problem.where.removeprefix("line ")) if problem.where.startswith("line ") else 1 << 30
