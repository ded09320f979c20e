"""A million entries in the audit: how soon a page is there, and what it costs to check them all.

Run it with ``python -m tests.bench audit``. It builds two stores in a temporary directory, 1.3 GB together.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.audit.model import AuditFilter
from services.audit.search import AuditSearch
from services.safety.audit_entry import FORM, words_of
from services.storage.chain import GENESIS, digest
from services.storage.engine import open_store
from tests.bench.harness import Limit, Table
from tests.support.clock import ManualClock

NAME = "audit"

_MANY = 1_000_000
_FEW = 100_000
_BATCH = 10_000
_PAGE = 50
_ROUNDS = 5
_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_EVERY = timedelta(seconds=7)
_MIDDLE = _BEGUN + _EVERY * (_MANY // 2)

_CHECK = """
import asyncio, json, sys, time
from services.safety.audit import Audit
from services.storage.engine import open_store
from services.vocabulary.clock import SystemClock
async def main():
    store = await open_store(sys.argv[1], SystemClock())
    begun = time.process_time()
    found = await Audit(store).verify()
    took = time.process_time() - begun
    assert found.whole and found.entries == int(sys.argv[2]), found
    await store.close()
    print(json.dumps(took))
asyncio.run(main())
"""

# The least that checking has to do: read each row, make its text, hash it.
_BARE = """
import hashlib, json, sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1].removeprefix("sqlite:///"))
begun = time.process_time()
cursor = connection.execute("SELECT * FROM audit ORDER BY sequence")
names = [one[0] for one in cursor.description]
count = 0
for row in cursor:
    text = json.dumps(dict(zip(names, row)), sort_keys=True, separators=(",", ":"))
    hashlib.sha256(text.encode()).hexdigest()
    count += 1
assert count == int(sys.argv[2])
print(json.dumps(time.process_time() - begun))
"""

# Unlike that of getrusage, the high-water mark of the kernel begins anew with each program.
_PEAK = """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""

_FILTERS: dict[str, tuple[AuditFilter, int | None]] = {
    "the newest": (AuditFilter(), None),
    "a page from the middle on": (AuditFilter(), _MANY // 2),
    "--operator of many": (AuditFilter(operator="op-a"), None),
    "--operator of few": (AuditFilter(operator="op-rare"), None),
    "--operator of nobody": (AuditFilter(operator="op-x"), None),
    "--decision refused": (AuditFilter(decision="refused"), None),
    "--outcome failed": (AuditFilter(outcome="failed"), None),
    "--kind alertmanager": (AuditFilter(kind="alertmanager"), None),
    '--command "alerts ack"': (AuditFilter(command="alerts ack"), None),
    "--target, whole": (AuditFilter(target="prod/0000000000000123"), None),
    "--target, the beginning of ten": (AuditFilter(target="000000000000012"), None),
    "--until the middle": (AuditFilter(until=_MIDDLE), None),
    "an hour in the middle": (AuditFilter(since=_MIDDLE, until=_MIDDLE + timedelta(hours=1)), None),
    "--operator of few --outcome failed": (AuditFilter(operator="op-rare", outcome="failed"), None),
    "--until the middle --operator of few --kind circuit": (
        AuditFilter(until=_MIDDLE, operator="op-rare", kind="circuit"),
        None,
    ),
    "--target, its beginning --operator --decision refused": (
        AuditFilter(target="000000000000012", operator="op-b", decision="refused"),
        None,
    ),
}


def _entries(count: int) -> Iterator[dict[str, Any]]:
    """What a busy team leaves behind in three months."""
    chance = random.Random(7)
    for number in range(count):
        fingerprint = f"{chance.randrange(5000):016d}"
        verb, action = chance.choice(
            (
                ("alerts ack", "alertmanager.ack"),
                ("alerts silence", "alertmanager.silence.create"),
                ("circuit open", "circuit.open"),
            )
        )
        refused = number % 10 == 0
        yield {
            "sequence": number + 1,
            # Consoles whose clocks differ by some seconds.
            "at": _BEGUN + _EVERY * number + timedelta(seconds=chance.randint(-5, 5)),
            "operator": f"op-{chance.choice('abcdefghij')}" if number % 1000 else "op-rare",
            "os_user": "oncall",
            "database_user": "",
            "host": "desk-1",
            "surface": "console",
            "automation": False,
            "command": f"/{verb} {fingerprint} --for 30m",
            "action": action,
            "source": "alertmanager prod",
            "environment": "prod",
            "targets": [{"kind": "alert", "name": f"prod/{fingerprint}", "environment": "prod"}],
            "decision": "refused" if refused else "allowed",
            "rule": "breaker" if refused else "breaker closed, confirmed",
            "outcome": "" if refused else chance.choice(("done",) * 20 + ("failed", "unknown")),
            "message": "HighErrorRate checkout is muted in Alertmanager until 19:46 UTC",
            "duration_ms": 40,
            "intent": None,
            "undo": "",
            "undoes": None,
            "form": FORM,
            "key_id": "",
        }


def _fill(file: Path, count: int) -> None:
    """Write the entries past the store, whose transactions take a hundred times as long."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous = OFF")
    head, rows, words = GENESIS, [], []
    statement = ""
    for entry in _entries(count):
        own = digest(head, entry)
        row = {
            **entry,
            "at": entry["at"].strftime("%Y-%m-%d %H:%M:%S.%f"),
            "targets": json.dumps(entry["targets"]),
            "previous": head,
            "hash": own,
        }
        head = own
        rows.append(row)
        found = set(words_of(entry["command"], entry["targets"]))
        words += [(row["sequence"], kind, word, row["at"]) for kind, word in sorted(found)]
        statement = f"INSERT INTO audit ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
        if len(rows) == _BATCH:
            connection.executemany(statement, rows)
            connection.executemany("INSERT INTO audit_words (sequence, kind, word, at) VALUES (?, ?, ?, ?)", words)
            rows, words = [], []
    connection.execute("UPDATE chain_heads SET sequence = ?, hash = ? WHERE name = 'audit'", (count, head))
    connection.commit()
    connection.close()


async def _make(directory: Path, name: str, count: int) -> str:
    url = f"sqlite:///{directory / name / 'store.db'}"
    await (await open_store(url, ManualClock())).close()
    _fill(directory / name / "store.db", count)
    return url


async def _pages(url: str) -> dict[str, tuple[float, int]]:
    """Filter -> the median of its rounds in milliseconds, and how many entries a page held."""
    store = await open_store(url, ManualClock())
    search = AuditSearch(store)
    took: dict[str, list[float]] = {}
    held: dict[str, int] = {}
    await search.page(AuditFilter(), 1)  # opens the connection
    for _ in range(_ROUNDS):
        for name, (wanted, before) in _FILTERS.items():
            begun = time.perf_counter()
            page = await search.page(wanted, _PAGE, before=before)
            took.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
            held[name] = len(page)
    await store.close()
    return {name: (statistics.median(spent), held[name]) for name, spent in took.items()}


def _child(code: str, url: str, count: int) -> tuple[float, float]:
    """Seconds of processor time, and the most memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", code + _PEAK, url, str(count)], capture_output=True, text=True, check=True
    )
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def run() -> Table:
    """Build the stores, list and filter, check."""
    with tempfile.TemporaryDirectory(prefix="sre-console-bench-") as place:
        directory = Path(place)
        many = asyncio.run(_make(directory, "many", _MANY))
        few = asyncio.run(_make(directory, "few", _FEW))
        pages = asyncio.run(_pages(many))
        _, small = _child(_CHECK, few, _FEW)
        baseline, own = _child(_BARE, many, _MANY)
        seconds, memory = _child(_CHECK, many, _MANY)
    slowest = max(took for took, _ in pages.values())
    rows = [(f"list {name}, {count} found", f"{took:.1f} ms") for name, (took, count) in pages.items()]
    rows += [
        (f"verify {_MANY:,} entries, processor time", f"{seconds:.1f} s"),
        ("the same rows read, dumped and hashed with bare sqlite3", f"{baseline:.1f} s"),
        (f"verify {_MANY:,} entries, most memory", f"{memory:.0f} MB"),
        (f"verify {_FEW:,} entries, most memory", f"{small:.0f} MB"),
        ("bare sqlite3, most memory", f"{own:.0f} MB"),
    ]
    return Table(
        "A million entries in the audit (SQLite)",
        ("what", "measured"),
        rows,
        limits=(
            Limit("the slowest page, ms", slowest, 100),
            Limit("verify against bare sqlite3, ratio of processor time", seconds / baseline, 6),
            Limit(f"memory for {_MANY:,} entries over that for {_FEW:,}, MB", memory - small, 16),
        ),
        notes=(
            f"Pages of {_PAGE}; the median of {_ROUNDS} rounds. Checking and its baseline run in processes of their "
            "own, one after the other. Memory is the most that was resident.",
        ),
    )
