"""Where credentials travel in clear text, or to a server whose certificate nobody checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from console.examination.kubeconfigs import Kubeconfig
from console.examination.remark import Remark
from services.http_settings import HttpSettings

_CHECK = "encryption"


def http_remarks(sources: Iterable[HttpSettings]) -> Iterator[Remark]:
    """Sources that are sent credentials over plain HTTP. Over HTTPS the certificate is always checked."""
    for source in dict.fromkeys((one.name, one.base_url, one.proxy, bool(one.secrets)) for one in sources):
        name, url, proxy, credentials = source
        if credentials and _is_clear(url):
            yield Remark(
                _CHECK, False, f"{name} is sent credentials over plain http to {_host(url)}: use https, or a tunnel"
            )
        if proxy and urlsplit(proxy).password and _is_clear(proxy):
            yield Remark(_CHECK, False, f"{name}: the password of the proxy {_host(proxy)} travels over plain http")


def kubeconfig_remarks(config: Kubeconfig) -> Iterator[Remark]:
    """Clusters whose certificate is not checked, or that are reached over plain HTTP."""
    for name, cluster in config.clusters.items():
        server = str(cluster.get("server", ""))
        if cluster.get("insecure-skip-tls-verify"):
            text = f"{config.path}: the certificate of the cluster {name} is not checked (insecure-skip-tls-verify)"
            yield Remark(_CHECK, False, f"{text}: give it certificate-authority-data")
        if _is_clear(server):
            text = f"{config.path}: the cluster {name} is reached over plain http at {_host(server)}"
            yield Remark(_CHECK, False, f"{text}, so no credentials are sent: use https")


def _is_clear(url: str) -> bool:
    """Whether what is sent there can be read on the way: plain HTTP, and not this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
