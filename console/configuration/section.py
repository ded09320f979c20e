"""What every table of the configuration is made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_plain_validator_function

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


def no_items() -> list[Any]:
    """The default of a list. ``list`` itself would do; pydantic takes a built-in apart at some cost to learn so."""
    return []


class Section(BaseModel):
    """The base of every table: strict types, no unknown keys, immutable."""

    # Deferred: only the whole configuration is ever checked, so the schema of each part is not built by itself.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Apart:
    """Marks a table whose check is put together only where the configuration has that table.

    To put a check together costs a thousand times what the check itself does, and few configurations have every table.
    The default of such a field is made with ``model_construct``, which checks nothing.
    """

    def __get_pydantic_core_schema__(self, source: type[BaseModel], _: object) -> CoreSchema:
        """What pydantic asks for: here the check of a value, not yet what it consists of."""

        def check(value: Any) -> BaseModel:
            return source.model_validate(value)

        return no_info_plain_validator_function(check)
