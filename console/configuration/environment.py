"""Environment variables laid over the file: ``SRE_CONSOLE_SRE__PROMETHEUS__URL=…``.

``__`` separates the keys of a path, a number is an index of a list, ``RUSTANT_`` is accepted in place of
``SRE_CONSOLE_`` and loses against it. Values are text and become what the key wants.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from console.configuration.problems import Path, Problem, key_text

PREFIXES = ("RUSTANT_", "SRE_CONSOLE_")  # the later wins
_OURS = {"SRE_CONSOLE_CONFIG", "RUSTANT_CONFIG"}
_TESTS = "SRE_CONSOLE_TEST_"
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


def overlay(
    document: dict[str, Any], model: type[BaseModel], environment: Mapping[str, str]
) -> tuple[dict[Path, str], list[Problem]]:
    """Lay the variables of ``environment`` over ``document``, in place.

    Returns:
        Which variable each path comes from, and what is wrong with the variables.
    """
    origins: dict[Path, str] = {}
    problems: list[Problem] = []
    for name, written in _variables(model, environment):
        path = _header(written)
        try:
            _put(document, path, typed(environment[name], _kinds(model, path)))
        except LookupError as error:
            problems.append(Problem(key_text(path), str(error.args[0]), where=name))
            continue
        # What a variable sets as a whole is no longer what a lesser one set inside it.
        for inner in [one for one in origins if one[: len(path)] == path]:
            del origins[inner]
        origins[path] = name
    return origins, problems


def _variables(model: type[BaseModel], environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    for prefix in PREFIXES:
        found = []
        for name in environment:
            if not name.startswith(prefix) or name in _OURS or name.startswith(_TESTS):
                continue
            parts = name.removeprefix(prefix).lower().split("__")
            # Another program may use the older prefix for keys of its own.
            if prefix == "RUSTANT_" and (len(parts) < 2 or parts[0] not in model.model_fields):
                continue
            path: Path = tuple(int(part) if part.isdecimal() else part for part in parts)
            found.append((len(path), tuple(str(part).zfill(9) for part in path), name, path))
        for _, _, name, path in sorted(found):
            yield name, path


def _header(path: Path) -> Path:
    # The names of HTTP headers have hyphens; those of variables cannot.
    if len(path) >= 2 and path[-2] == "headers":
        return (*path[:-1], str(path[-1]).replace("_", "-"))
    return path


def _put(document: dict[str, Any], path: Path, value: Any) -> None:
    holder: Any = document
    for part, following in zip(path, (*path[1:], None), strict=True):
        last = following is None
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(holder, list):
            if not isinstance(part, int):
                raise LookupError(f"here is a list: write a number from 0, not {part!r}")
            if part > len(holder):
                raise LookupError(f"the list has {len(holder)} items, so the next number is {len(holder)}")
            if part == len(holder):
                holder.append(empty)
            if last:
                holder[part] = value
            holder = holder[part]
        elif isinstance(holder, dict):
            if last:
                holder[part] = value
            holder = holder.setdefault(part, empty)
        else:
            raise LookupError(f"{part!r} stands inside a value that is no table")


def _kinds(model: type[BaseModel], path: Path) -> tuple[Any, ...]:
    kinds: tuple[Any, ...] = (model,)
    for part in path:
        following: list[Any] = []
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                info = kind.model_fields.get(str(part))
                following += [] if info is None else _alternatives(info.annotation)
            elif get_origin(kind) is list and isinstance(part, int):
                following += _alternatives(get_args(kind)[0])
            elif get_origin(kind) is dict:
                following += _alternatives(get_args(kind)[1])
        kinds = tuple(following)
    return kinds


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (None, list, dict):
        return [] if annotation is NoneType else [annotation]
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _alternatives(arguments[0])
    return [kind for argument in arguments for kind in _alternatives(argument)]


def typed(text: str, kinds: tuple[Any, ...]) -> Any:
    """The text as one of ``kinds``; as it is where it fits none (the check of the model then says so)."""
    if bool in kinds and text.strip().lower() in _TRUE | _FALSE:
        return text.strip().lower() in _TRUE
    for number in (int, float):
        if number in kinds:
            with contextlib.suppress(ValueError):
                return number(text)
    if datetime in kinds:
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text.strip())
    whole = [
        kind
        for kind in kinds
        if get_origin(kind) in (list, dict) or (isinstance(kind, type) and issubclass(kind, BaseModel))
    ]
    if whole:
        with contextlib.suppress(tomllib.TOMLDecodeError):
            value = tomllib.loads(f"value = {text}")["value"]
            if isinstance(value, (list, dict)):
                return value
        if any(get_origin(kind) is list for kind in whole):
            return [part for part in re.split(r"\s*,\s*", text.strip()) if part]
    return text
