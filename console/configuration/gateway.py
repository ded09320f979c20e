"""``[gateway]``: whether programs may ask this console over HTTP, and where."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from console.configuration.section import Section, wrong

if TYPE_CHECKING:
    from services.gateway.address import Address
    from services.gateway.rates import Rates


def _host(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or any(sign in value for sign in " /@[]"):
        raise wrong(f"{value!r} is no address to listen on", 'write for example "127.0.0.1"')
    return value


def _answered(value: str) -> str:
    from services.gateway.address import host_name

    name = value.lower()
    sound = _is_ipv6(name) if ":" in name else host_name(name) == name and not set(name) & set("*/@ []")
    if not name or not sound:
        raise wrong(f"{value!r} is not the name of a host", "write it without scheme, port and wildcard")
    return value


def _is_ipv6(value: str) -> bool:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return True


def _file(value: str) -> str:
    path = Path(value).expanduser()
    if not path.is_file():
        raise wrong(f"there is no file {path}")
    return str(path)


def _no_passphrase() -> str:
    raise wrong("the key of the certificate is locked with a passphrase", "store an unlocked copy with mode 0600")


ExistingFile = Annotated[str, AfterValidator(_file)]


class GatewaySettings(Section):
    """``[gateway]``."""

    enabled: bool = False
    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8770
    allowed_hosts: list[Annotated[str, AfterValidator(_answered)]] = Field(default_factory=list)
    requests_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    public: bool = False
    tls_cert: ExistingFile | None = None
    tls_key: ExistingFile | None = None

    @model_validator(mode="after")
    def _safe(self) -> GatewaySettings:
        from services.gateway.address import exposure_problem

        if self.tls_key is not None and self.tls_cert is None:
            raise wrong("tls_key has no certificate", "set tls_cert")
        if problem := exposure_problem(self.address()):
            raise wrong(*problem)
        if self.tls_cert is not None:
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.tls_cert, self.tls_key, password=_no_passphrase)
            except (OSError, ssl.SSLError) as error:
                raise wrong(
                    f"{self.tls_cert} cannot be used: {error}", "PEM files with a certificate and its key are wanted"
                ) from None
        return self

    def address(self) -> Address:
        """Where to listen."""
        from services.gateway.address import Address

        return Address(self.host, self.port, self.tls_cert, self.tls_key, self.public)

    def rates(self) -> Rates:
        """How often anybody may ask."""
        from services.gateway.rates import Rate, Rates

        return Rates(all=Rate(self.requests_per_second, max(1.0, self.requests_per_second / 4)))

    def hosts(self) -> frozenset[str]:
        """For which hosts it answers."""
        from services.gateway.address import answered_hosts

        return answered_hosts(self.address(), self.allowed_hosts)
