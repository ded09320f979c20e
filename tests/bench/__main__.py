"""``python -m tests.bench [NAME…]``: run benchmarks and print their tables as Markdown.

Without names all of them, in the order of their module names. Exits 1 when a limit is broken, 2 for an unknown name.
"""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys
from collections.abc import Sequence

import tests.bench
from tests.bench.harness import Benchmark, benchmark_of


def found() -> dict[str, Benchmark]:
    """The benchmarks of this package by name."""
    out = {}
    for information in pkgutil.iter_modules(tests.bench.__path__):
        if information.name in ("__main__", "harness"):
            continue
        benchmark = benchmark_of(importlib.import_module(f"tests.bench.{information.name}"))
        if benchmark is not None:
            out[benchmark.NAME] = benchmark
    return out


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all."""
    benchmarks = found()
    unknown = [name for name in names if name not in benchmarks]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(benchmarks)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n", flush=True)
    kept = True
    for name in names or benchmarks:
        table = benchmarks[name].run()
        print(table.markdown(), end="\n\n", flush=True)
        kept = kept and all(limit.kept for limit in table.limits)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
