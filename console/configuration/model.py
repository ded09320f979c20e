"""The keys of the configuration. Descriptions are what ``config`` and the documents say of them."""

from __future__ import annotations

import getpass
import os
import re
import ssl
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function

from console.configuration.alerts import AlertsSettings
from console.configuration.audit import AuditSettings
from console.configuration.circuit import CircuitSettings
from console.configuration.gateway import GatewaySettings
from console.configuration.maintenance import MaintenanceSettings
from console.configuration.objectives import ObjectiveSettings
from console.configuration.paths import state_directory
from console.configuration.policies import ApprovalSettings, PolicySettings, read_policies
from console.configuration.references import HINT, is_reference
from console.configuration.section import Apart, Name, Seconds, Section, no_items, wrong
from console.configuration.trust import TrustSettings
from console.configuration.views import ViewSettings
from services.storage.address import parse_address
from services.vocabulary.errors import StoreError

if TYPE_CHECKING:
    from services.oncall.rotation import Rotation


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise wrong(f"it is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise wrong(f"{_shown(value)!r} is not a URL", "write for example http://localhost:9093")
    if re.search(r"\s", value):
        raise wrong("a URL has no blanks")
    if parts.username or parts.password:
        raise wrong("a URL must not hold a user or a password", 'use basic = "env:NAME" with user:password in it')
    if parts.query or parts.fragment:
        raise wrong(f"{value!r} has a query or a fragment", "paths are appended to it: leave them out")
    return value.rstrip("/")


def _shown(value: str) -> str:
    """A wrong URL without the password that may be in it."""
    return re.sub(r"//[^/@]*@", "//…@", value)


def proxy_problem(value: str) -> tuple[str, str] | None:
    """What is wrong with the URL of a proxy, and a hint; None where nothing is. The words hold nothing of the URL."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "it is not a proxy's URL", "write for example http://proxy:3128"
    if parts.scheme.startswith("socks"):
        return "SOCKS proxies are not supported", "name an HTTP proxy, for example http://proxy:3128"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "it is not a proxy's URL", "write for example http://proxy:3128"
    return None


def _proxy(value: str) -> str:
    if is_reference(value):
        return value
    if problem := proxy_problem(value):
        raise wrong(*problem)
    if urlsplit(value).password:
        raise wrong("a proxy's password must not be written down", 'use proxy = "env:NAME" with the whole URL in it')
    return value


def _secret(value: str) -> str:
    if not is_reference(value):
        raise wrong("a secret must not be written down", HINT)
    return value


def _file(value: str) -> str:
    path = Path(value).expanduser()
    if not path.is_file():
        raise wrong(f"there is no file {path}")
    return str(path)


def _ca_file(value: str) -> str:
    path = _file(value)
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise wrong(f"{path} holds no certificates: {error}", "a PEM file is wanted") from None
    return path


def _no_passphrase() -> str:
    raise wrong("the key in it is locked with a passphrase", "store an unlocked copy with mode 0600")


def _client_cert(value: str) -> str:
    path = _file(value)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, password=_no_passphrase)
    except (OSError, ssl.SSLError) as error:
        raise wrong(f"{path} cannot be used: {error}", "a PEM file with certificate and key is wanted") from None
    return path


Url = Annotated[str, AfterValidator(_url)]
Secret = Annotated[str, AfterValidator(_secret)]
ExistingFile = Annotated[str, AfterValidator(_file)]


class FeatureFlags(Section):
    """``[feature_flags]``."""

    sre_mode: bool = True
    incident_response: bool = True
    progressive_trust: bool = True


class BasicAuth(Section):
    """``basic = { username = "…", password = "env:NAME" }``."""

    username: str
    password: Secret


class HttpOptions(Section):
    """How an HTTP source is reached."""

    timeout: Annotated[Seconds, Field(gt=0, le=600)] = 10.0
    headers: dict[str, str] = Field(default_factory=lambda: {})
    bearer: Secret | None = None
    basic: Secret | BasicAuth | None = None
    ca_file: Annotated[str, AfterValidator(_ca_file)] | None = None
    client_cert: Annotated[str, AfterValidator(_client_cert)] | None = None
    proxy: Annotated[str, AfterValidator(_proxy)] | None = None

    @field_validator("basic", mode="plain")
    @classmethod
    def _basic(cls, value: Any) -> Any:
        # A plain union would report each mistake once for the text and once for the table.
        if isinstance(value, dict):
            return BasicAuth.model_validate(value)
        if isinstance(value, str):
            return _secret(value)
        if value is None or isinstance(value, BasicAuth):
            return value
        raise wrong("it is neither a reference nor a table", HINT)

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                raise wrong(f"{name!r} is not the name of a header")
            if not content.isprintable():
                raise wrong(f"the header {name} holds a line break or a control character")
            if name.lower() in ("authorization", "proxy-authorization", "cookie") and not is_reference(content):
                raise wrong(f"the header {name} is a secret and must not be written down", HINT)
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> HttpOptions:
        if self.bearer and self.basic:
            raise wrong("bearer and basic exclude each other", "leave one out")
        return self


class PrometheusSettings(HttpOptions):
    """``[sre.prometheus]``."""

    url: Url


class AlertmanagerSettings(HttpOptions):
    """One ``[[sre.alertmanager]]``: one cluster and its members."""

    name: Name
    urls: list[Url] = Field(min_length=1)
    environment: Name | None = None
    prometheus_url: Url | None = None
    must_fire: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=no_items)

    @field_validator("urls")
    @classmethod
    def _members(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise wrong("a member is named twice", "leave one out")
        return value


class KubernetesSettings(Section):
    """One ``[[sre.kubernetes]]``: one context of a kubeconfig."""

    context: Annotated[str, Field(min_length=1)]
    kubeconfig: ExistingFile | None = None
    namespaces: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    environment: Name | None = None
    prometheus_url: Url | None = None


class RotationSettings(Section):
    """One ``[[sre.oncall.rotation]]``."""

    name: Name
    members: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    start: datetime
    zone: str
    every: str

    @field_validator("start")
    @classmethod
    def _start(cls, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise wrong("start is a local time", "leave the offset out: zone says where the clock hangs")
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from services.oncall.rotation import RotationError, load_zone

        try:
            load_zone(value)
        except RotationError as error:
            raise wrong(error.message, error.hint) from None
        return value

    @field_validator("every")
    @classmethod
    def _every(cls, value: str) -> str:
        from services.oncall.rotation import RotationError, parse_step

        try:
            parse_step(value)
        except RotationError as error:
            raise wrong(error.message, error.hint) from None
        return value

    @model_validator(mode="after")
    def _works(self) -> RotationSettings:
        from services.oncall.rotation import RotationError

        try:
            self.rotation()
        except RotationError as error:
            raise wrong(error.message, error.hint) from None
        return self

    def rotation(self) -> Rotation:
        """The rotation, ready to be asked."""
        from services.oncall.rotation import Rotation

        return Rotation(
            name=self.name,
            members=tuple(self.members),
            start=self.start,
            zone=self.zone,
            every=self.every,
        )


class OncallSettings(Section):
    """``[sre.oncall]``."""

    provider: Literal["local"] = "local"
    rotation: list[Annotated[RotationSettings, Apart()]] = Field(default_factory=no_items)

    @field_validator("provider", mode="before")
    @classmethod
    def _provider(cls, value: object) -> object:
        if value == "pagerduty":
            raise wrong("this version has no PagerDuty adapter", 'use provider = "local" and [[sre.oncall.rotation]]')
        return value


def _default_store() -> str:
    return f"sqlite:///{state_directory() / 'store.db'}"


class StoreSettings(Section):
    """``[sre.store]``."""

    url: str = Field(default_factory=_default_store)
    password: Secret | None = None

    @field_validator("url")
    @classmethod
    def _place(cls, value: str) -> str:
        try:
            parse_address(value)
        except StoreError as error:
            raise wrong(error.message, error.hint) from None
        return value

    @model_validator(mode="after")
    def _who_asks(self) -> StoreSettings:
        if self.password is not None and self.url.startswith("sqlite"):
            raise wrong("a store in a file has no password", "leave password out")
        return self


class LogSettings(Section):
    """``[sre.log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


class _Policies:
    """One that cannot be read is kept as one that blocks; the console starts all the same."""

    def __get_pydantic_core_schema__(self, _: object, __: object) -> CoreSchema:
        return no_info_plain_validator_function(read_policies)


class SreSettings(Section):
    """``[sre]``."""

    enabled: bool = True
    operator: Name = Field(default_factory=_operator)
    prometheus: Annotated[PrometheusSettings, Apart()] | None = None
    alertmanager: list[Annotated[AlertmanagerSettings, Apart()]] = Field(default_factory=no_items)
    alerts: Annotated[AlertsSettings, Apart()] = Field(default_factory=AlertsSettings.model_construct)
    kubernetes: list[Annotated[KubernetesSettings, Apart()]] = Field(default_factory=no_items)
    oncall: Annotated[OncallSettings, Apart()] = Field(default_factory=OncallSettings.model_construct)
    store: Annotated[StoreSettings, Apart()] = Field(default_factory=StoreSettings.model_construct)
    log: Annotated[LogSettings, Apart()] = Field(default_factory=LogSettings.model_construct)
    circuit: Annotated[CircuitSettings, Apart()] = Field(default_factory=CircuitSettings.model_construct)
    slo: list[Annotated[ObjectiveSettings, Apart()]] = Field(default_factory=no_items)
    view: list[Annotated[ViewSettings, Apart()]] = Field(default_factory=no_items)
    maintenance: list[Annotated[MaintenanceSettings, Apart()]] = Field(default_factory=no_items)
    policies: Annotated[list[PolicySettings], _Policies()] = Field(default_factory=no_items)
    approvals: Annotated[ApprovalSettings, Apart()] = Field(default_factory=ApprovalSettings.model_construct)
    audit: Annotated[AuditSettings, Apart()] = Field(default_factory=AuditSettings.model_construct)
    trust: Annotated[TrustSettings, Apart()] = Field(default_factory=TrustSettings.model_construct)

    @field_validator("maintenance")
    @classmethod
    def _one_name(cls, value: list[MaintenanceSettings]) -> list[MaintenanceSettings]:
        if len({one.name for one in value}) < len(value):
            raise wrong("two have the same name", "the name tells their silences apart")
        return value

    @field_validator("view")
    @classmethod
    def _one_start(cls, value: list[ViewSettings]) -> list[ViewSettings]:
        if sum(one.start for one in value) > 1:
            raise wrong("the console can begin with one view only", "leave start = true at one of them")
        return value


class Settings(Section):
    """The whole configuration."""

    feature_flags: Annotated[FeatureFlags, Apart()] = Field(default_factory=FeatureFlags.model_construct)
    gateway: Annotated[GatewaySettings, Apart()] = Field(default_factory=GatewaySettings.model_construct)
    sre: SreSettings = Field(default_factory=SreSettings.model_construct)

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that the sources belong to, in the order of the file."""
        names = [cluster.environment or cluster.name for cluster in self.sre.alertmanager]
        names += [one.environment or one.context for one in self.sre.kubernetes]
        return tuple(dict.fromkeys(names))
