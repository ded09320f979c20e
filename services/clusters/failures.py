"""What an API server's refusals mean. Its error bodies are ``Status`` objects (Kubernetes API conventions)."""

from __future__ import annotations

import msgspec

from services.vocabulary.errors import FailureKind, SourceError


class VersionUnusable(SourceError):
    """The resource version is too old (410), or ahead of what this server has seen: list anew."""


class Cause(msgspec.Struct, frozen=True):
    """One cause of a failure."""

    reason: str = ""
    message: str = ""


class Details(msgspec.Struct, frozen=True, rename="camel"):
    """What the failure is about."""

    kind: str = ""
    group: str = ""
    retry_after_seconds: int = 0
    causes: tuple[Cause, ...] | None = None


class Status(msgspec.Struct, frozen=True):
    """The answer of an API server that does not do what it was asked."""

    kind: str = ""
    code: int = 0
    reason: str = ""
    message: str = ""
    details: Details | None = None


_STATUS = msgspec.json.Decoder(Status)
_GONE = ("Gone", "Expired")
_TOO_LARGE = ("ResourceVersionTooLarge", "Too large resource version")
_LONGEST = 300


def failure(name: str, code: int, body: bytes, content_type: str = "") -> SourceError:
    """The failure that an HTTP answer (or the object of an ERROR event) stands for.

    Args:
        name: what the person calls the source.
        code: the HTTP status; for an event 0, and the object's own code counts.
        body: what came with it.
        content_type: of the body.
    """
    status = _read(body)
    code = code or status.code
    said = status.message or _plain(body, content_type)
    text = f"{name} answered {code}" + (f": {' '.join(said.split())[:_LONGEST]}" if said else "")
    if code == 410 or status.reason in _GONE or _is_ahead(status):
        return VersionUnusable(FailureKind.REJECTED, text, status=code)
    if code == 401:
        return SourceError(
            FailureKind.DENIED,
            text,
            "the credentials of this context are missing, wrong or expired; try kubectl with it",
            status=code,
        )
    if code == 403:
        return SourceError(
            FailureKind.DENIED, text, "ask for a role with get, list and watch on what it names", status=code
        )
    if code == 429 or code >= 500:
        return SourceError(FailureKind.SERVER, text, status=code)
    return SourceError(FailureKind.REJECTED, text, status=code)


def not_the_api(name: str, body: bytes, problem: str) -> SourceError:
    """The failure of an answer that is no Kubernetes answer, seen from how it begins."""
    if body.lstrip()[:1] == b"<":
        return SourceError(
            FailureKind.MALFORMED,
            f"{name} answered with an HTML page, not the API",
            "is a proxy or a login in front of it?",
        )
    return SourceError(FailureKind.MALFORMED, f"{name}: the answer is not what the API promises: {problem}")


def _read(body: bytes) -> Status:
    try:
        return _STATUS.decode(body)
    except msgspec.MsgspecError:
        return Status()


def _is_ahead(status: Status) -> bool:
    causes = (status.details and status.details.causes) or ()
    words = (status.message, *(cause.reason for cause in causes))
    return any(word.startswith(_TOO_LARGE) for word in words)


def _plain(body: bytes, content_type: str) -> str:
    text = body[:4096].decode(errors="replace").strip()
    if "html" in content_type or text[:1] == "<":
        return "an HTML page, not the API (is a proxy or a login in front of it?)"
    return "" if text[:1] in ("{", "[") else text
