"""Where the gateway listens, and for which hosts it answers. Light: imports no server."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: an address, or a name.
        port: 0 takes a free one.
        certificate: a PEM file; None for plain HTTP, on loopback alone.
        key: its key, unlocked; None where the certificate's file holds it.
        public: whether others than this machine may connect at all.
    """

    host: str
    port: int
    certificate: str | None = None
    key: str | None = None
    public: bool = False


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine alone. A name other than ``localhost`` may lead anywhere, so it is not."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def exposure_problem(address: Address) -> tuple[str, str] | None:
    """Why the address may not be listened on, and a hint; None where it may."""
    if is_loopback(address.host):
        return None
    if not address.public:
        return f"{address.host} can be reached from outside", "public = true under [gateway] allows it"
    if address.certificate is None:
        return f"{address.host} can be reached from outside: that takes TLS", "set tls_cert and tls_key"
    return None


def host_name(header: str) -> str:
    """The host of a ``Host`` header in lower case, without its port and a closing dot; empty where it is none."""
    text = header.strip().lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
        sound = bool(bracket) and (not rest or rest.startswith(":"))
    else:
        name, _, port = text.partition(":")
        sound = True
    if not sound or (port and not (port.isascii() and port.isdigit())):
        return ""
    return name.removesuffix(".")


def answered_hosts(address: Address, further: Iterable[str]) -> frozenset[str]:
    """The names under which a gateway at ``address`` answers: this machine's own, the address, and ``further``."""
    named = "" if address.host in ("", "0.0.0.0", "::") else address.host.lower()  # noqa: S104 - nothing is bound here
    return frozenset(filter(None, (*_LOCAL, named, *(name.lower() for name in further))))
