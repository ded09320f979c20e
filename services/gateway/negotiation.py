"""Which host is meant, and which formats are spoken."""

from __future__ import annotations

from collections.abc import Iterable

from services.gateway.address import host_name
from services.gateway.problem import Problem

JSON = "application/json"


def check_host(header: str | None, allowed: Iterable[str]) -> None:
    """A page in a browser can give its own name this machine's address; its name is not in the list.

    Raises:
        Problem: 421.
    """
    name = host_name(header or "")
    if not name or name not in allowed:
        raise Problem(
            421,
            "this gateway does not answer for that host",
            "use its own address, or name the host under [gateway] allowed_hosts",
            rule="host",
        )


def check_accept(header: str | None, offered: str) -> None:
    """Whether the client takes the only format that there is.

    Raises:
        Problem: 406.
    """
    if header is None or not header.strip():
        return
    kind = offered.partition("/")[0]
    best: tuple[int, float] | None = None
    for part in header.split(","):
        wanted, *parameters = (piece.strip().lower() for piece in part.split(";"))
        exact = (offered, f"{kind}/*", "*/*")
        if wanted not in exact:
            continue
        # The most exact one that fits decides (RFC 9110, 12.5.1).
        found = (-exact.index(wanted), _quality(parameters))
        best = found if best is None else max(best, found)
    if best is None or best[1] <= 0:
        raise Problem(406, f"there is nothing but {offered} here", f"send Accept: {offered}", rule="format")


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def check_content_type(header: str | None) -> None:
    """Whether the body is said to be JSON. A form, which a browser would send anywhere, is not.

    Raises:
        Problem: 415.
    """
    media, *parameters = ((header or "").lower()).split(";")
    charset = next((one.partition("=")[2].strip(' "') for one in parameters if one.strip().startswith("charset")), "")
    if media.strip() != JSON or charset not in ("", "utf-8", "utf8"):
        raise Problem(
            415,
            f"the body has to be {JSON} in UTF-8",
            f"send Content-Type: {JSON}",
            rule="format",
            headers={"Accept-Post": JSON},
        )
