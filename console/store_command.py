"""``sre-console store``: how the store stands, and a new one on purpose where it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from console.cli import complain, refuse, say
from console.configuration.loading import load
from console.configuration.paths import named_config, state_directory
from console.configuration.references import resolve
from services.safety.actor import Surface
from services.safety.glass_journal import GlassJournal, JournalError
from services.safety.last_known import LastKnown, LastKnownError, moment
from services.storage.address import parse_address
from services.vocabulary.clock import SystemClock
from services.vocabulary.errors import ConsoleError, StoreError, StoreGone
from services.vocabulary.redaction import Redaction
from services.vocabulary.text import display

if TYPE_CHECKING:
    from console.configuration.model import Settings
    from console.log import Log
    from services.safety.renewal import Renewal


class _Place:
    """Where the store is, and what is known of it on this machine."""

    def __init__(self, settings: Settings, log: Log) -> None:
        store = settings.sre.store
        self.url = store.url
        self.redaction: Redaction = log.redaction
        address = parse_address(self.url)
        self.name = address.name
        self.last_known = LastKnown(state_directory(), address.identity)
        self.journal = GlassJournal(state_directory(), address.identity, self.redaction)
        self._reference = store.password

    @property
    def password(self) -> Callable[[], str] | None:
        """As :func:`services.storage.engine.open_store` wants it."""
        reference = self._reference
        if reference is None:
            return None

        def ask() -> str:
            secret = resolve(reference)
            self.redaction.add(secret)
            return secret

        return ask


def status(config: str | None, *, log: Log) -> int:
    """Say whether the store can be read, what was last known of it, and what waits for its audit.

    Returns:
        0 where it can be read and nothing waits, 1 where not, 2 without a usable configuration.
    """
    try:
        place = _Place(load(named_config(config)).settings, log)
    except ConsoleError as error:
        return refuse(error)
    return asyncio.run(_status(place))


def init(reason: str, *, config: str | None, log: Log) -> int:
    """Make the store where there is none, or go on with an older copy.

    Returns:
        0 done, or nothing to do; 1 it cannot be, 2 no reason or no usable configuration.
    """
    if not reason.strip():
        return complain(
            "a new store needs a reason", 'write sre-console store init --reason "…"; it is kept in the audit', code=2
        )
    try:
        settings = load(named_config(config)).settings
        place = _Place(settings, log)
    except ConsoleError as error:
        return refuse(error)
    try:
        renewal, made = asyncio.run(_init(place, settings, place.redaction(reason.strip())))
    except ConsoleError as error:
        return complain(display(error.message), display(error.hint), code=1)
    if not renewal.changed:
        say([f"{display(place.name)} is there, and is the one that was last known here: nothing was changed"])
        return 0
    done = "made" if made else "taken as it is, although it is older than what was last known here"
    say(
        [
            display(f"{place.name}: {done}"),
            *(display(f"{one.name} stays open: {one.reason}") for one in renewal.carried),
            *(['/circuit close --reason "…" lets writes through again'] if renewal.carried else []),
        ]
    )
    return 0


async def _init(place: _Place, settings: Settings, reason: str) -> tuple[Renewal, bool]:
    from console.wiring import actor_of
    from services.safety.renewal import renew
    from services.storage.engine import open_store

    clock, made = SystemClock(), False
    try:
        store = await open_store(place.url, clock, password=place.password, make=False)
    except StoreGone:
        store, made = await open_store(place.url, clock, password=place.password), True
    try:
        store.redact = place.redaction
        return await renew(store, place.last_known, actor_of(settings, Surface.EXEC), reason, made=made), made
    finally:
        await store.close()


async def _status(place: _Place) -> int:
    lines, code = [place.name], 0
    try:
        lines.append(await _read(place))
    except StoreError as error:
        lines += [f"  {error.message}", *([f"  hint: {error.hint}"] if error.hint else [])]
        code = 1
    lines += _known(place.last_known)
    try:
        kept = await asyncio.to_thread(place.journal.read)
    except JournalError as error:
        lines.append(f"  {error}")
        code = 1
    else:
        for one in kept.waiting:
            outcome = "no outcome: unknown, check" if one.outcome is None else one.outcome["status"]
            lines.append(f"  waits for its audit: {moment(one.at)} {one.intent['command']}: {outcome}")
        if kept.problem:
            lines.append(f"  the journal {place.journal.path} is broken: {kept.problem}")
        code = code or int(bool(kept.waiting or kept.problem))
    say([display(line) for line in lines])
    return code


async def _read(place: _Place) -> str:
    from services.safety.breaker_rows import read_circuits
    from services.storage.engine import open_store

    store = await open_store(place.url, SystemClock(), password=place.password, read_only=True, make=False)
    try:
        async with store.read() as connection:
            circuits = await read_circuits(connection)
        place.last_known.check(circuits, store.name)
        product = (await store.server()).product
    finally:
        await store.close()
    opened = [one.name for one in circuits if one.is_open]
    return f"  {product}; {'open: ' + ', '.join(opened) if opened else 'no breaker is open'}"


def _known(last_known: LastKnown) -> list[str]:
    try:
        if not last_known.knows():
            return ["  it was never read from this machine"]
        opened = last_known.opened()
        said = "; ".join(one.told for one in opened) if opened else "no breaker was open"
        return [f"  as last known here (noted {moment(last_known.noted_at())}): {said}"]
    except LastKnownError as error:
        return [f"  what was last known here cannot be read: {error}"]
