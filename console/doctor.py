"""``sre-console doctor``: does every source answer, how fast, which version, with which clock."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import console
import screens
import services
import themes
import widgets
from console.cli import complain, program_version, refuse, say
from console.configuration.model import Settings
from console.configuration.paths import config_path, log_path, named_config
from console.examination import encryption, secrets
from console.examination.files import log_remarks, open_to_others, secret_file_remarks
from console.examination.kubeconfigs import Kubeconfig, read_kubeconfigs
from console.examination.packages import distribution_remarks, shadow_remarks
from console.examination.remark import Remark
from console.opening import open_backend
from console.sources import cluster_settings
from services.command import Column, Table
from services.registry.rendering import table_lines
from services.safety.actor import Surface
from services.vocabulary.clock import Clock, SystemClock
from services.vocabulary.durations import format_age
from services.vocabulary.errors import ConsoleError
from services.vocabulary.text import display

if TYPE_CHECKING:
    from console.log import Log

SKEW_LIMIT = timedelta(seconds=10)
"""A clock further off than this makes silences begin and end at the wrong time. The header counts whole seconds."""

_COLUMNS = (
    Column("SOURCE"),
    Column("STATE"),
    Column("LATENCY", numeric=True),
    Column("VERSION"),
    Column("CLOCK"),
    Column("NOTE"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one source is like.

    Attributes:
        source: its name.
        ok: False makes the doctor fail.
        latency: what the answer took; None where there was none.
        version: what it says it is.
        skew: its clock minus ours; None where it did not say.
        note: what is wrong, or worth knowing.
        warns: whether it works and is risky.
    """

    source: str
    ok: bool
    latency: timedelta | None = None
    version: str = ""
    skew: timedelta | None = None
    note: str = ""
    warns: bool = False

    @property
    def off(self) -> bool:
        """Whether its clock and ours are too far apart."""
        return self.skew is not None and abs(self.skew) > SKEW_LIMIT


def examine(*, config: str | None, demo: bool, log: Log | None = None) -> int:
    """Look at everything and print what was found.

    Args:
        config: the file that the person named.
        demo: look at the simulated production.
        log: takes what nobody expected.

    Returns:
        0 all is well or there are only warnings, 1 something fails, 2 the configuration cannot be used.
    """
    return asyncio.run(report(named_config(config), demo=demo, log=log))


async def report(config: Path | None, *, demo: bool = False, log: Log | None = None) -> int:
    """Like :func:`examine`, inside a running loop."""
    try:
        backend = await open_backend(clock=SystemClock(), surface=Surface.EXEC, config=config, demo=demo, log=log)
    except ConsoleError as error:
        return refuse(error)
    try:
        findings = await findings_of(backend)
        remarks = await asyncio.to_thread(remarks_of, backend, config)
    finally:
        await backend.close()
    if demo:
        complain("DEMO: a simulated production", code=0)
    # A note says what to type, paths included: it is never cut.
    say(table_lines(Table(_COLUMNS, tuple(_row(finding) for finding in findings)), whole=True))
    say([f"{'FAILS' if one.fails else 'warns'}  {one.check}: {display(one.text)}" for one in remarks])
    say([f"log: {display(str(log_path()))}"])
    failed = [finding.source for finding in findings if not finding.ok] + [one.check for one in remarks if one.fails]
    warned = [finding.source for finding in findings if finding.ok and (finding.warns or finding.off)]
    warned += [one.check for one in remarks if not one.fails]
    told = [f"{verb}: {display(', '.join(dict.fromkeys(names)))}" for verb, names in _told(failed, warned) if names]
    say(["; ".join(told) or "all is well"])
    return 1 if failed else 0


def _told(failed: list[str], warned: list[str]) -> tuple[tuple[str, list[str]], ...]:
    failing = "1 fails" if len(failed) == 1 else f"{len(failed)} fail"
    return (failing, failed), ("1 warning" if len(warned) == 1 else f"{len(warned)} warnings", warned)


def remarks_of(backend: Any, config: Path | None) -> list[Remark]:
    """Look at files, secrets, encryption and packages; at nothing of the simulated production but these."""
    home = Path(console.__path__[0]).parent
    remarks = [*log_remarks(log_path()), *shadow_remarks(home), *distribution_remarks(home)]
    if backend.demo:
        return remarks
    settings = backend.settings
    remarks += open_to_others((config or config_path()).absolute(), "the configuration", secret=False)
    if (anchors := settings.sre.audit.anchors) is not None:
        remarks += open_to_others(anchors, "the anchor file of the audit", secret=False)
    remarks += secret_file_remarks(secrets.secret_files(settings))
    remarks += secrets.configuration_remarks(settings)
    clients = [client for members in backend.sources.members.values() for client in members]
    clients += backend.sources.prometheus.values()
    remarks += encryption.http_remarks(client.settings for client in clients)
    for kubeconfig in _kubeconfigs(settings):
        secret = kubeconfig.holds_credentials
        remarks += open_to_others(kubeconfig.path, "the kubeconfig", secret=secret)
        remarks += secrets.kubeconfig_remarks(kubeconfig)
        remarks += encryption.kubeconfig_remarks(kubeconfig)
    return remarks


def _kubeconfigs(settings: Settings) -> Iterator[Kubeconfig]:
    if not settings.sre.kubernetes:
        return
    from services.clusters.kubeconfig import kubeconfig_paths

    paths: list[Path] = []
    for one in settings.sre.kubernetes:
        try:
            paths += kubeconfig_paths(cluster_settings(one))
        except ConsoleError:
            continue  # the source says so itself
    yield from read_kubeconfigs(paths, [one.context for one in settings.sre.kubernetes])


async def findings_of(backend: Any) -> list[Finding]:
    """Ask every source of a :class:`console.wiring.Backend`, all at the same time."""
    sources, clock = backend.sources, backend.clock
    asked = [
        _http(client, "/api/v2/status", _alertmanager_version, clock)
        for clients in sources.members.values()
        for client in clients
    ]
    prometheus = {id(client): client for client in sources.prometheus.values()}
    asked += [_http(client, "/api/v1/status/buildinfo", _prometheus_version, clock) for client in prometheus.values()]
    asked += [_cluster(cluster) for cluster in sources.clusters.values()]
    asked.append(_store(backend))
    return [_program(), *await asyncio.gather(*asked)]


async def _http(client: Any, path: str, version: Any, clock: Clock) -> Finding:
    import msgspec

    name = client.settings.name
    begun = clock.monotonic()
    try:
        answer = await client.probe(path)
        took = timedelta(seconds=clock.monotonic() - begun)
        said = version(msgspec.json.decode(answer.body))
    except ConsoleError as error:
        return Finding(name, False, note=str(error))
    except (msgspec.DecodeError, KeyError, TypeError):
        return Finding(name, False, note=f"{client.settings.address} answers, but not as this kind of source")
    skew = _skew(answer.date, clock, took)
    return Finding(name, True, took, said, skew, _skew_note(skew))


def _alertmanager_version(status: Any) -> str:
    return str(status["versionInfo"]["version"])


def _prometheus_version(status: Any) -> str:
    return str(status["data"]["version"])


def _skew(date: str, clock: Clock, took: timedelta) -> timedelta | None:
    try:
        there = parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return None
    # The header says whole seconds, and was written some time within the latency.
    return there + timedelta(seconds=0.5) - (clock.now() - took / 2)


def _skew_note(skew: timedelta | None) -> str:
    if skew is None or abs(skew) <= SKEW_LIMIT:
        return ""
    side = "ahead of" if skew > timedelta(0) else "behind"
    return f"its clock is {format_age(abs(skew))} {side} this machine's; set one of them right"


async def _cluster(cluster: Any) -> Finding:
    try:
        said = await cluster.version()
    except ConsoleError as error:
        return Finding(cluster.name, False, note=str(error))
    return Finding(cluster.name, True, said.latency, said.version, said.skew, _skew_note(said.skew))


async def _store(backend: Any) -> Finding:
    from services.storage.address import SqliteAddress, parse_address

    store, clock = (await backend.open_records()).store, backend.clock
    address = parse_address(backend.settings.sre.store.url)
    file = address.path if isinstance(address, SqliteAddress) else None
    if file is not None and not file.exists():
        return Finding("store", True, note=f"{file} is not there yet: the first start makes it")
    try:
        await store.version()  # opens it; what is measured is one question to an open store
        begun = clock.monotonic()
        server = await store.server()
    except ConsoleError as error:
        return Finding("store", False, note=str(error))
    took = timedelta(seconds=clock.monotonic() - begun)
    skew = None if server.now is None else server.now - (clock.now() - took / 2)
    lax = [] if file is None else list(lax_modes(file))
    notes = [*lax, *server.warnings, *filter(None, [_skew_note(skew)])] or [address.name]
    return Finding("store", not lax, took, server.product, skew, "; ".join(notes), bool(server.warnings))


def lax_modes(path: Path) -> Iterator[str]:
    """What others may do with the store's files, with the command that ends it."""
    for file in sorted(path.parent.glob(path.name + "*")):
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            yield f"{file} has mode {mode:04o}: chmod 600 {file}"
    directory = stat.S_IMODE(path.parent.stat().st_mode)
    # Others may not remove what is not theirs from a sticky directory such as /tmp.
    if directory & 0o022 and not directory & stat.S_ISVTX:
        yield f"others can write to {path.parent} (mode {directory:04o}): chmod 700 {path.parent}"


def _program() -> Finding:
    homes = {str(Path(module.__path__[0]).parent) for module in (console, screens, services, themes, widgets)}
    if len(homes) == 1:
        return Finding("sre-console", True, version=program_version(), note=homes.pop())
    return Finding(
        "sre-console",
        False,
        version=program_version(),
        note=f"its packages come from several places ({', '.join(sorted(homes))}); install it with uv tool or pipx",
    )


def _row(finding: Finding) -> tuple[str, ...]:
    latency = "" if finding.latency is None else f"{finding.latency / timedelta(milliseconds=1):.0f} ms"
    skew = "" if finding.skew is None else "OFF" if finding.off else "in step"
    state = "FAILS" if not finding.ok else "warns" if finding.warns or finding.off else "ok"
    return finding.source, state, latency, finding.version, skew, finding.note
