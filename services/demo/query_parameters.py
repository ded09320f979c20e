"""The parameters of a request to the Prometheus API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import nan

from aiohttp import web

from services.demo.promql_tokens import QueryError
from services.vocabulary.durations import DurationError, parse_duration


class QueryParameters:
    """The query string and, for POST, the form."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = list(pairs)

    @classmethod
    async def of(cls, request: web.Request) -> QueryParameters:
        """Those of a request."""
        form = await request.post() if request.method == "POST" else {}
        return cls([*request.query.items(), *((name, str(value)) for name, value in form.items())])

    def get(self, name: str) -> str:
        """The first value; empty where there is none."""
        return next((value for key, value in self._pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value."""
        return [value for key, value in self._pairs if key == name]

    def time(self, name: str, default: datetime | None = None) -> float:
        """A moment in Unix seconds: a number, or RFC 3339.

        Raises:
            QueryError: it is neither, or too far away to be meant.
        """
        text = self.get(name)
        if not text and default is not None:
            return default.timestamp()
        try:
            value = float(text)
        except ValueError:
            value = _rfc3339(text)
        if not -1e12 < value < 1e12:
            raise QueryError(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp')
        return value

    def step(self) -> float:
        """The step in seconds: a number or a duration.

        Raises:
            QueryError: it is neither, or not positive.
        """
        text = self.get("step")
        try:
            value = float(text)
        except ValueError:
            try:
                value = parse_duration(text).total_seconds()
            except DurationError:
                raise QueryError(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from None
        if not 0 < value < 1e9:
            raise QueryError(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        return value


def _rfc3339(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return nan
    return moment.timestamp() if moment.tzinfo else nan
