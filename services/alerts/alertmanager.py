"""Alertmanager API v2: a reader that cannot write, and a writer whose every request spends a permit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from services.alerts.decode import AlertDecoder, SilenceDecoder
from services.alerts.merge import Merger
from services.alerts.model import EXPIRE, Alert, AlertDraft, Matcher, Silence, SilenceDraft
from services.alerts.wire import WirePosted, WireSilence, WireSilenceId, WireStatus, fingerprint, instant, silence_of
from services.http import ReadClient, WriteClient
from services.safety.permit import WritePermit
from services.vocabulary.errors import FailureKind, SourceError

if TYPE_CHECKING:
    from services.alerts.routing import Route

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What one member of a cluster says of itself.

    Attributes:
        url: its base URL.
        version: of Alertmanager; empty where it did not answer.
        gossip: ``ready``, ``settling`` or ``disabled``; empty where it does not say.
        peers: how many members it sees, itself included.
        error: why it did not answer; None where it did.
    """

    url: str
    version: str = ""
    gossip: str = ""
    peers: int = 0
    error: SourceError | None = None


class AlertmanagerReader:
    """Reads one cluster. Its members repeat the same alerts, so one of them is enough."""

    def __init__(self, cluster: str, environment: str, members: Sequence[ReadClient], *, patience: float = 2.0) -> None:
        """Nothing is read before it is asked for.

        Args:
            cluster: the name that the person gave it.
            environment: what the cluster watches over, such as ``prod``.
            members: one client a member, at least one.
            patience: seconds that the other members get once one has answered; a member that hangs must not make
                the whole cluster look stale.
        """
        self.cluster = cluster
        self.environment = environment
        self._members = tuple(members)
        self._patience = patience
        self._alerts = [AlertDecoder(member.settings.name, cluster, environment) for member in self._members]
        self._silences = [SilenceDecoder(member.settings.name, cluster) for member in self._members]
        self._merger = Merger()
        self._known: dict[str, Silence] = {}
        self._partial: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The name under which its freshness is told."""
        return f"alertmanager {self.cluster}"

    @property
    def partial(self) -> tuple[str, ...]:
        """What is missing from the last good reading: one sentence a member that failed, or about silences."""
        return self._partial

    async def read(self) -> tuple[Alert, ...]:
        """Every alert of the cluster that is not resolved, with the silences that mute it, by fingerprint.

        An alert that did not change since the last reading is the same object again.

        Raises:
            SourceError: no member gave a usable answer. What it tells is the failure of the first member.
        """
        answers = await self._ask(self._alerts_of, range(len(self._members)))
        good = [answer for answer in answers.values() if not isinstance(answer, SourceError)]
        if not good:
            raise next(answer for answer in answers.values() if isinstance(answer, SourceError))
        partial = [
            self._missing(member, answer) for member, answer in answers.items() if isinstance(answer, SourceError)
        ]
        chosen = await self._merger.merge(good)
        wanted = {silence for alert in chosen for silence in alert.silenced_by}
        if wanted:
            alive = [member for member, answer in answers.items() if not isinstance(answer, SourceError)]
            partial += await self._learn(wanted, alive)
        else:
            self._known = {}
        self._partial = tuple(partial)
        return await self._merger.join(chosen, self._known)

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence of the cluster, expired ones included, each as the member tells it that heard of it last.

        Members hear of each other's writes by gossip, which takes a moment.

        Raises:
            SourceError: no member gave a usable answer.
        """
        found = await self._good(self._silences_of)
        newest: dict[str, Silence] = {}
        for silences in found:
            for one in silences:
                known = newest.get(one.id)
                if known is None or _changed_at(one) > _changed_at(known):
                    newest[one.id] = one
        return tuple(newest.values())

    async def silence(self, silence_id: str) -> Silence | None:
        """One silence, likewise; None where no member that answers knows it.

        Raises:
            SourceError: no member gave a usable answer.
        """

        async def look(member: int) -> Silence | None:
            return await _silence_at(self._members[member], self.cluster, silence_id)

        known = [silence for silence in await self._good(look) if silence is not None]
        return max(known, key=_changed_at, default=None)

    async def _good(self, read: Callable[[int], Awaitable[T]]) -> list[T]:
        answers = await self._ask(read, range(len(self._members)))
        good = [answer for answer in answers.values() if not isinstance(answer, SourceError)]
        if not good:
            raise next(answer for answer in answers.values() if isinstance(answer, SourceError))
        return good

    async def status(self) -> tuple[MemberStatus, ...]:
        """What each member says of itself, in the order of the configuration; never raises a ``SourceError``."""

        async def ask(member: int) -> MemberStatus:
            client = self._members[member]
            url = client.settings.base_url
            try:
                said = _decode(await client.get("/api/v2/status"), WireStatus, client.settings.name)
            except SourceError as error:
                return MemberStatus(url, error=error)
            gossip = said.cluster
            return MemberStatus(
                url,
                said.version_info.version,
                gossip.status if gossip else "",
                len(gossip.peers or ()) if gossip else 0,
            )

        return tuple(await asyncio.gather(*[ask(member) for member in range(len(self._members))]))

    async def routes(self) -> Route | None:
        """The routing tree of the first member that answers; None where it cannot be read.

        Raises:
            SourceError: no member gave a usable answer.
        """
        from services.alerts.routing import RoutingError, read_routes  # seldom asked for

        async def ask(member: int) -> WireStatus:
            client = self._members[member]
            return _decode(await client.get("/api/v2/status"), WireStatus, client.settings.name)

        said = await self._first(ask)
        try:
            return None if said.config is None else read_routes(said.config.original)
        except RoutingError as error:
            _log.warning("%s: %s", self.source, error)
            return None

    async def _alerts_of(self, member: int) -> list[Alert]:
        async with self._members[member].stream("/api/v2/alerts") as chunks:
            return await self._alerts[member].decode(chunks)

    async def _silences_of(self, member: int) -> list[Silence]:
        async with self._members[member].stream("/api/v2/silences") as chunks:
            return await self._silences[member].decode(chunks)

    async def _first(self, read: Callable[[int], Awaitable[T]]) -> T:
        failure: SourceError | None = None
        for member in range(len(self._members)):
            try:
                return await read(member)
            except SourceError as error:
                failure = failure or error
        raise failure or _nobody(self.cluster)

    async def _ask(self, read: Callable[[int], Awaitable[T]], members: Iterable[int]) -> dict[int, T | SourceError]:
        """Ask the members at once; whoever has not answered some time after the first good answer is left out."""

        async def attempt(member: int) -> T | SourceError:
            try:
                return await read(member)
            except SourceError as error:
                return error

        tasks = {member: asyncio.create_task(attempt(member)) for member in members}
        if not tasks:
            raise _nobody(self.cluster)
        try:
            pending = set(tasks.values())
            patience: float | None = None
            while pending:
                done, pending = await asyncio.wait(
                    pending,
                    timeout=patience,
                    return_when=asyncio.FIRST_COMPLETED if patience is None else "ALL_COMPLETED",
                )
                if patience is not None:
                    break
                if any(not isinstance(task.result(), SourceError) for task in done):
                    patience = self._patience
            return {member: task.result() if task.done() else self._late(member) for member, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _learn(self, wanted: set[str], members: Sequence[int]) -> list[str]:
        """Read the silences that the alerts name; where none can be read, the last known ones stay."""
        known: dict[str, Silence] = {}
        failure: SourceError | None = None
        answered = False
        try:
            # The alerts are there already; they do not wait for who muted them.
            async with asyncio.timeout(self._patience):
                for member in members:
                    try:
                        silences = await self._silences_of(member)
                    except SourceError as error:
                        failure = failure or error
                        continue
                    answered = True
                    for silence in silences:
                        if silence.id in wanted:
                            known.setdefault(silence.id, silence)
                    if wanted <= known.keys():
                        break
        except TimeoutError:
            return [f"silences are not up to date: no answer within {self._patience:g}s"]
        if answered:
            self._known = known
            return []
        return [f"silences are not up to date: {failure}"]

    def _missing(self, member: int, error: SourceError) -> str:
        return f"{self._members[member].settings.base_url}: {error}"

    def _late(self, member: int) -> SourceError:
        return SourceError(
            FailureKind.TIMEOUT,
            f"{self._members[member].settings.name}: no answer {self._patience:g}s after another member's",
        )


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a cluster that may be written to: how to read it and how to write it."""

    read: ReadClient
    write: WriteClient


class AlertmanagerWriter:
    """Writes to one cluster. Silences spread by gossip, so each write goes to ONE member."""

    def __init__(self, cluster: str, members: Sequence[Member]) -> None:
        """
        Args:
            cluster: the name that the person gave it.
            members: at least one.
        """
        self.cluster = cluster
        self._members = tuple(members)

    @property
    def url(self) -> str:
        """The base URL of the first member: what stands in a line for amtool."""
        return self._members[0].read.settings.base_url

    def one_write(self) -> AlertmanagerWrite:
        """A write that is still to choose its member."""
        return AlertmanagerWrite(self.cluster, self._members)


class AlertmanagerWrite:
    """One write to one cluster.

    A permit covers one request, and is short-lived. So the member is chosen before it is issued, by asking who is
    there; a request is never repeated elsewhere, as nobody can know what the first one did.
    """

    def __init__(self, cluster: str, members: Sequence[Member]) -> None:
        """Use :meth:`AlertmanagerWriter.one_write`."""
        self._cluster = cluster
        self._members = tuple(members)
        self._chosen: Member | None = None

    async def choose(self) -> None:
        """Choose the member that answers first: the ``prepare`` of a plan.

        Raises:
            SourceError: no member is there (``sent`` is False).
        """

        async def ask(member: Member) -> Member | SourceError:
            try:
                await member.read.get("/api/v2/status")
            except SourceError as error:
                return error
            return member

        tasks = [asyncio.create_task(ask(member)) for member in self._members]
        failure: SourceError | None = None
        try:
            for next_one in asyncio.as_completed(tasks):
                answer = await next_one
                if isinstance(answer, Member):
                    self._chosen = answer
                    return
                failure = failure or answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if failure is None:
            raise _nobody(self._cluster)
        raise SourceError(
            failure.kind,
            f"nothing was sent: no member of {self._cluster} answers: {failure.message}",
            failure.hint,
            sent=False,
            status=failure.status,
        )

    async def create_silence(self, permit: WritePermit, draft: SilenceDraft, *, action: str, target: str) -> str:
        """Create a silence, or prolong the one that ``draft.id`` names.

        Args:
            permit: spent on the one request that is sent.
            draft: what to silence.
            action: what the permit was made for: ``ACK`` or ``SILENCE`` of the model.
            target: the raw name of the permit's target.

        Returns:
            The id of the silence. A prolonged one keeps its id only where the matchers and their order are the same
            and, while it is active, the second of ``starts_at`` is (Alertmanager's own rule).

        Raises:
            PermitError: the permit does not cover this; nothing was sent.
            SourceError: no member was chosen (``sent`` is False), or the one that was asked failed.
        """
        write = self._ready()
        body = await write.send(
            permit, action=action, target=target, method="POST", path="/api/v2/silences", body=_posted(draft)
        )
        return _decode(body, WireSilenceId, write.settings.name).silence_id

    async def expire_silence(self, permit: WritePermit, silence_id: str, *, action: str = EXPIRE, target: str) -> None:
        """End a silence now. Ending an ended one is no error; an unknown id is (404, on 0.25 500).

        Args:
            permit: spent on the one request that is sent.
            silence_id: which.
            action: what the permit was made for.
            target: the raw name of the permit's target.

        Raises:
            PermitError: the permit does not cover this; nothing was sent.
            SourceError: no member was chosen (``sent`` is False), or the one that was asked failed.
        """
        await self._ready().send(
            permit, action=action, target=target, method="DELETE", path=f"/api/v2/silence/{quote(silence_id, safe='')}"
        )

    async def post_alert(self, permit: WritePermit, draft: AlertDraft, *, action: str, target: str) -> None:
        """Post one alert. Members tell each other nothing of alerts: the others do not have it.

        Args:
            permit: spent on the one request that is sent.
            draft: the alert.
            action: what the permit was made for.
            target: the raw name of the permit's target.

        Raises:
            PermitError: the permit does not cover this; nothing was sent.
            SourceError: no member was chosen (``sent`` is False), or the one that was asked failed.
        """
        posted = {
            "labels": draft.labels,
            "annotations": draft.annotations,
            "startsAt": instant(draft.starts_at),
            "endsAt": instant(draft.ends_at),
        }
        await self._ready().send(
            permit, action=action, target=target, method="POST", path="/api/v2/alerts", body=[posted]
        )

    async def end_of_alert(self, draft: AlertDraft) -> datetime | None:
        """When the alert of these labels ends, as the chosen member tells it; None where it has none that fires.

        Raises:
            SourceError: no member was chosen, or the one that was gave no usable answer.
        """
        from services.alerts.matchers import format_matcher  # re2, which the first rows do not wait for

        if self._chosen is None:
            raise _nobody(self._cluster)
        member, wanted = self._chosen.read, fingerprint(draft.labels)
        # One matcher that every version reads narrows the answer.
        name = format_matcher(Matcher("alertname", draft.labels.get("alertname", "")))
        found = _decode(await member.get("/api/v2/alerts", (("filter", name),)), list[WirePosted], member.settings.name)
        return next((one.ends_at.astimezone(UTC) for one in found if one.fingerprint == wanted), None)

    async def silence(self, silence_id: str) -> Silence | None:
        """One silence as the chosen member tells it: what was written can be read there at once, elsewhere later.

        Raises:
            SourceError: no member was chosen, or the one that was gave no usable answer.
        """
        if self._chosen is None:
            raise _nobody(self._cluster)
        return await _silence_at(self._chosen.read, self._cluster, silence_id)

    def _ready(self) -> WriteClient:
        if self._chosen is None:
            raise SourceError(
                FailureKind.CONFIGURATION, f"no member of {self._cluster} was chosen for this write", sent=False
            )
        return self._chosen.write


async def _silence_at(client: ReadClient, cluster: str, silence_id: str) -> Silence | None:
    try:
        body = await client.get(f"/api/v2/silence/{quote(silence_id, safe='')}")
    except SourceError as error:
        if error.status == 404:
            return None
        raise
    return silence_of(_decode(body, WireSilence, client.settings.name), cluster)


def _changed_at(silence: Silence) -> float:
    return silence.updated_at.timestamp() if silence.updated_at is not None else 0.0


def _posted(draft: SilenceDraft) -> dict[str, object]:
    posted: dict[str, object] = {
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matcher.is_regex,
                "isEqual": matcher.is_equal,
            }
            for matcher in draft.matchers
        ],
        "startsAt": instant(draft.starts_at),
        "endsAt": instant(draft.ends_at),
        "createdBy": draft.created_by,
        "comment": draft.comment,
    }
    if draft.id:
        posted["id"] = draft.id
    return posted


def _decode(body: bytes, shape: type[T], source: str) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(
            FailureKind.MALFORMED,
            f"{source}: the answer is not what Alertmanager says: {error}",
            "check that the URL leads to Alertmanager's own API",
        ) from error


def _nobody(cluster: str) -> SourceError:
    return SourceError(FailureKind.CONFIGURATION, f"alertmanager {cluster} has no members", "give it urls", sent=False)
