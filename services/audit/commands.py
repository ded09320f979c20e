"""``/audit``: list, show, check and take elsewhere what was decided and what came of it. It always works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from services.audit import export, view
from services.audit.anchors import AnchorFile, parse_head
from services.audit.model import AuditFilter
from services.audit.past import Past, resolve_past
from services.audit.search import AuditSearch
from services.command import Arguments, Candidate, Command, Invocation, Positional, Result, Table
from services.safety.audit import Anchor, Audit, AuditVerification
from services.safety.audit_entry import hashed_fields
from services.safety.outcome import OutcomeStatus, Unfinished
from services.safety.plan import Risk
from services.storage.chain import digest
from services.storage.keys import ChainKeys
from services.vocabulary.clock import Clock
from services.vocabulary.errors import ConsoleError


async def _nothing_unfinished() -> tuple[Unfinished, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class AuditNeeds:
    """What the commands work with.

    Attributes:
        audit: what was decided and done.
        search: finds it.
        clock: the time.
        redact: takes secrets out of what leaves.
        keys: check single entries.
        anchor_file: where heads are kept; None where none is configured.
        unfinished: writes without outcome; the guard's ``unfinished``.
    """

    audit: Audit
    search: AuditSearch
    clock: Clock
    redact: Callable[[str], str]
    keys: Callable[[], ChainKeys]
    anchor_file: AnchorFile | None = None
    unfinished: Callable[[], Awaitable[tuple[Unfinished, ...]]] = _nothing_unfinished


class FilterArguments(Arguments):
    """What narrows ``/audit list`` and ``/audit export``; everything that is given must hold."""

    since: Past | None = Field(None, description="not before this: 2h ago, or 2026-12-24T09:00 (UTC unless it says so)")
    until: Past | None = Field(None, description="not after this, likewise")
    operator: str | None = Field(None, description="who asked")
    command: str | None = Field(None, description='the command, such as "alerts ack", or its first word')
    kind: str | None = Field(None, description="the action, or its leading parts: alertmanager.silence")
    target: str | None = Field(None, description="what was to be changed: its name, or a unique beginning of it")
    decision: Literal["allowed", "refused"] | None = Field(None, description="what was decided")
    outcome: str | None = Field(None, description="what came of it: done, failed, unknown")


class ListArguments(FilterArguments):
    """``/audit list [filters] [--limit 20] [--before ID]``."""

    limit: int = Field(20, ge=1, le=1000, description="how many entries, the newest first")
    before: int | None = Field(None, ge=1, le=2**31 - 1, description="page on behind the entry of this number")


class ShowArguments(Arguments):
    """``/audit show <id>``."""

    id: Annotated[int, Positional()] = Field(ge=1, le=2**31 - 1, description="the number of the entry")


def _head(text: str) -> str:
    parse_head(text)
    return text


class VerifyArguments(Arguments):
    """``/audit verify [--head NUMBER:HASH]``."""

    head: tuple[Annotated[str, AfterValidator(_head)], ...] = Field(
        (), description="a head that was kept elsewhere, as the log tells it: its number, a colon and its hash"
    )


class ExportArguments(FilterArguments):
    """``/audit export [file] [--format jsonl] [filters] [--replace]``."""

    file: Annotated[str, Positional()] = Field("", description="where to; left out or -, without a screen: to stdout")
    format: Literal["jsonl", "csv"] = Field("jsonl", description="JSON lines or CSV")
    replace: bool = Field(False, description="replace a file that is there")


async def _list(needs: AuditNeeds, request: ListArguments, invocation: Invocation) -> Result:
    del invocation
    wanted = _filter(needs, request)
    entries = await needs.search.page(wanted, request.limit, before=request.before)
    lost = await needs.unfinished() if request.before is None else ()
    if entries:
        message = "1 entry" if len(entries) == 1 else f"the newest {len(entries)} entries"
        message += "" if wanted.empty else " of those"
    else:
        message = "nothing was decided yet" if wanted.empty and request.before is None else "there is no such entry"
    more: tuple[str, ...] = ()
    if len(entries) == request.limit:
        more = (f"older ones: the same with --before {entries[-1].sequence}",)
    return Result(
        message + (f"; {len(lost)} without outcome" if lost else ""),
        data=[view.as_object(entry) for entry in entries],
        table=Table(view.COLUMNS, tuple(view.row(entry) for entry in entries)),
        lines=(*more, *(f"{one.at:%Y-%m-%d %H:%M:%S} UTC  {one.operator}  {one.command}: {one.check}" for one in lost)),
    )


async def _show(needs: AuditNeeds, request: ShowArguments, invocation: Invocation) -> Result:
    del invocation
    entry = await needs.search.get(request.id)
    number = entry.intent if entry.intent is not None else entry.undoes
    others = () if number is None else await needs.search.about(number)
    row = {**view.as_object(entry), "at": entry.at, "targets": [dict(one) for one in entry.targets]}
    key = needs.keys().find(entry.key_id) if entry.key_id else None
    found = hashed_fields(row)
    if entry.key_id and key is None:
        state = f"its hash cannot be checked: this console does not have the key {entry.key_id}"
    elif found is not None and digest(entry.previous, found, key) == entry.hash:
        state = "its hash is that of what stands here; /audit verify checks the whole chain"
    else:
        state = "it was altered after it was written"
    altered = state.startswith("it was")
    return Result(
        f"entry {entry.sequence}: {entry.operator} {entry.command}, {entry.decision}"
        + (f", {entry.outcome}" if entry.outcome else ""),
        data={**view.as_object(entry), "altered": altered},
        lines=(
            *view.lines(entry),
            *(
                f"see also   entry {other.sequence}: {other.command}, {other.decision} ({other.rule}) {other.outcome}"
                for other in others
                if other.sequence != entry.sequence
            ),
            state,
        ),
        ok=not altered,
    )


async def _verify(needs: AuditNeeds, request: VerifyArguments, invocation: Invocation) -> Result:
    file = needs.anchor_file
    # Before the audit is read: what is noted later may tell of entries that are not seen yet.
    size = None if file is None else file.size()
    anchors = _anchors(file, size, [parse_head(one) for one in request.head])
    found = await needs.audit.verify(
        anchors=anchors, progress=lambda done, total: invocation.progress("entries checked", done, total)
    )
    data = {
        "whole": found.whole,
        "entries": found.entries,
        "head": found.head,
        "broken_at": found.sequence,
        "keyed": found.keyed,
        "keyed_from": found.keyed_from,
        "keys": list(found.key_ids),
        "anchored": found.anchored,
        "anchors": found.anchors,
    }
    if not found.whole:
        return Result(
            f"the audit is broken: {found.problem}",
            data={**data, "problem": found.problem},
            lines=(f"{min(found.entries, max(0, (found.sequence or 1) - 1))} entries before it are whole",),
            ok=False,
        )
    return Result(
        f"the audit is whole: {found.entries} entries, head {found.entries}:{found.head}",
        data=data,
        lines=tuple(_proven(needs, found, size)),
    )


def _proven(needs: AuditNeeds, found: AuditVerification, size: int | None) -> Iterator[str]:
    """What the check proves, and what somebody could still do."""
    if found.keyed:
        names = " and ".join(found.key_ids)
        count = f"{found.keyed} entries, from {found.keyed_from} on,"
        yield f"{count} are hashed with a key ({names}): forging them takes it;"
        if found.keyed_from > 1:
            yield f"what is before entry {found.keyed_from} was written without one, or was written anew before that;"
        yield "a root user of a machine where a console runs can read it there, from its environment or its memory"
    else:
        yield "no entry is hashed with a key ([sre.audit] key): whoever can write the store, as a local root user"
        yield "always can, is able to alter entries and to work all hashes out anew"
    if found.anchored:
        yield f"{found.anchors} heads kept elsewhere confirm it up to entry {found.anchored};"
        yield "what came after it could have been cut off, and a root user can cut an anchor file of this machine, too"
    else:
        yield "no head kept elsewhere was held against it, so that a tail cut together with the store's own note of it"
        yield "would not show: keep heads in [sre.audit] anchor_file, in a log that leaves this machine, or read them"
        yield "from the gateway; /audit verify --head NUMBER:HASH checks one"
    if needs.anchor_file is not None and size is None:
        yield f"the anchor file {needs.anchor_file.path} is not there: it is new, or somebody removed it"


def _anchors(file: AnchorFile | None, size: int | None, named: Iterable[Anchor]) -> Iterator[Anchor]:
    yield from named
    if file is not None and size is not None:
        yield from file.read(size)


async def _export(needs: AuditNeeds, request: ExportArguments, invocation: Invocation) -> Result:
    form = export.Format(request.format, needs.redact)
    batches = needs.search.stream(_filter(needs, request))
    if request.file in ("", "-"):
        if invocation.write is None:
            raise ConsoleError("say where to: there is no stdout here", "/audit export audit.jsonl")
        count = await export.write_stream(batches, form, invocation.write)
        return Result(_entries(count, "written"), data={"entries": count}, streamed=True)
    path, there = await asyncio.to_thread(_place, request.file)
    replaced = request.replace and there
    count = await export.write_file(batches, form, path, replace=request.replace)
    said = f"{_entries(count, 'written')} to {path} (mode 0600)" + (", which was replaced" if replaced else "")
    return Result(said, data={"entries": count, "file": str(path), "replaced": replaced})


def _place(file: str) -> tuple[Path, bool]:
    path = Path(file).expanduser()
    return path, path.exists()


def _entries(count: int, verb: str) -> str:
    return f"1 entry {verb}" if count == 1 else f"{count} entries {verb}"


def _filter(needs: AuditNeeds, request: FilterArguments) -> AuditFilter:
    now = needs.clock.now()
    return AuditFilter(
        since=resolve_past(request.since, now),
        until=resolve_past(request.until, now),
        operator=request.operator,
        command=request.command,
        kind=request.kind,
        target=request.target,
        decision=request.decision,
        outcome=request.outcome,
    )


_DECISIONS = (Candidate("allowed"), Candidate("refused"))
_OUTCOMES = tuple(Candidate(status.value) for status in OutcomeStatus)

COMMANDS: tuple[Command[AuditNeeds, Any], ...] = (
    Command(
        name="audit list",
        summary="List what was decided and what came of it, refusals included",
        arguments=ListArguments,
        risk=Risk.READ,
        run=_list,
        choices={"decision": _DECISIONS, "outcome": _OUTCOMES},
        examples=(
            "/audit list",
            "/audit list --since 8h --decision refused",
            '/audit list --command "alerts ack" --operator op-a --limit 100',
            "/audit list --target 3f2a --outcome failed",
        ),
        help="Without a filter the newest by number; with one the newest by time.",
    ),
    Command(
        name="audit show",
        summary="Show everything of one entry, and what else is about the same write",
        arguments=ShowArguments,
        risk=Risk.READ,
        run=_show,
        examples=("/audit show 17",),
    ),
    Command(
        name="audit verify",
        summary="Check that no entry of the audit was altered, removed or moved",
        arguments=VerifyArguments,
        risk=Risk.READ,
        run=_verify,
        examples=("/audit verify",),
        help="Ends with 0 where the chain is whole and with 1 where it is broken, and says what it does not prove.",
    ),
    Command(
        name="audit export",
        summary="Write entries as JSON lines or CSV to a file of mode 0600, or to stdout",
        arguments=ExportArguments,
        risk=Risk.READ,
        run=_export,
        choices={"format": (Candidate("jsonl"), Candidate("csv"))},
        examples=("/audit export", "/audit export --format csv --since 30d"),
        help="The oldest first. Never replaces a file unless --replace says so. Secrets are taken out.",
    ),
)
"""All commands of this room."""
