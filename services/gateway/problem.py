"""What the gateway says when it does not do what it was asked: problem details for HTTP (RFC 9457)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_LONGEST = 500


class Problem(Exception):
    """Ends a request.

    Attributes:
        status: of HTTP.
        detail: one sentence: what is wrong with this request.
        hint: what to do about it; empty where the sentence already says.
        rule: what refused it, in a word or two, for the audit.
        headers: further ones, such as ``Retry-After``.
        members: further members of the JSON object.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        hint: str = "",
        *,
        rule: str = "",
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail[:_LONGEST]
        self.hint = hint[:_LONGEST]
        self.rule = rule
        self.headers = dict(headers or {})
        self.members = dict(members or {})


def retry_after(seconds: float) -> dict[str, str]:
    """The header that says when to try again, in whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def problem_response(problem: Problem) -> Response:
    """The answer. Everything beyond ASCII is escaped: nothing in it steers the terminal of whoever prints it."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.hint:
        body["hint"] = problem.hint
    body.update(problem.members)
    return Response(json.dumps(body), problem.status, problem.headers, MEDIA_TYPE)
