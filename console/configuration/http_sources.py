"""From a configured section to the settings of an HTTP client, secrets resolved."""

from __future__ import annotations

from urllib.parse import urlsplit

from console.configuration.model import BasicAuth, HttpOptions, Settings
from console.configuration.references import SecretError, is_reference, resolve
from services.http_settings import HttpSettings


def http_settings(name: str, url: str, options: HttpOptions) -> HttpSettings:
    """How to reach ``url`` with a section's options.

    Raises:
        SecretError: a reference leads to no secret (any more).
    """
    return HttpSettings(
        name=name,
        base_url=url,
        timeout=options.timeout,
        headers={header: resolve(value) if is_reference(value) else value for header, value in options.headers.items()},
        bearer=resolve(options.bearer) if options.bearer else None,
        basic=_basic(options.basic),
        ca_file=options.ca_file,
        client_cert=options.client_cert,
        proxy=resolve(options.proxy) if options.proxy and is_reference(options.proxy) else options.proxy,
    )


def prometheus_for(settings: Settings, name: str, url: str | None, options: HttpOptions) -> HttpSettings | None:
    """The Prometheus that belongs to a source; None where none is configured.

    A ``prometheus_url`` of the source's own is reached with the options of ``[sre.prometheus]`` where it has the
    same origin, else with those of the source's section: credentials go where the person wrote them for.

    Raises:
        SecretError: a reference leads to no secret (any more).
    """
    common = settings.sre.prometheus
    if common is not None and url in (None, common.url):
        return http_settings("prometheus", common.url, common)
    if url is None:
        return None
    if common is not None and _origin(url) == _origin(common.url):
        options = common
    return http_settings(f"prometheus {name}", url, options)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _basic(value: str | BasicAuth | None) -> tuple[str, str] | None:
    if value is None:
        return None
    if isinstance(value, BasicAuth):
        return value.username, resolve(value.password)
    user, colon, password = resolve(value).partition(":")
    if not colon:
        raise SecretError(f"{value} holds no user:password")
    return user, password
