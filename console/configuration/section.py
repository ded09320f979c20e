"""What every table of the configuration is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from services.vocabulary.durations import DurationError, parse_duration


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """What a validator raises: the message as it is, and a hint beside it."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "hint": hint})


def _name(value: str) -> str:
    if not value or "/" in value or not value.isprintable() or value != value.strip():
        raise wrong(f"{value!r} cannot be a name", "a name is printable and has no slash and no blank at its ends")
    return value


def _seconds(value: object) -> object:
    if isinstance(value, str):
        try:
            return parse_duration(value).total_seconds()
        except DurationError as error:
            raise wrong(str(error), "or a number of seconds") from None
    return float(value) if type(value) is int else value


Name = Annotated[str, AfterValidator(_name)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A number of seconds, or a duration such as ``10s``."""


class Section(BaseModel):
    """The base of every table: strict types, no unknown keys, immutable."""

    # Deferred: only the whole configuration is ever checked, so the schema of each part is not built by itself.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)
