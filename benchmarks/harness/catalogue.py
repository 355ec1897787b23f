"""Lists all benchmarks, in the order of the page. Each folder lists its own in a module `catalogue`, as BENCHMARKS."""

from __future__ import annotations

from importlib import import_module

from benchmarks.harness.benchmark import Benchmark

_FOLDERS = ("updates", "probes", "fleet", "overload")


def benchmarks() -> dict[str, Benchmark]:
    """Return them by name."""
    return {benchmark.name: benchmark for folder in _FOLDERS for benchmark in _listed(folder)}


def chosen(names: list[str]) -> list[Benchmark]:
    """Return those that are named, one by one or by their folder; all if none is named. Raises KeyError."""
    if not names:
        return list(benchmarks().values())
    found: dict[str, Benchmark] = {}
    for name in names:
        folders = [name] if name in _FOLDERS else _FOLDERS
        matching = [each for folder in folders for each in _listed(folder) if name in (each.name, folder)]
        if not matching:
            raise KeyError(name)
        found |= {each.name: each for each in matching}
    return list(found.values())


def _listed(folder: str) -> tuple[Benchmark, ...]:
    listed: tuple[Benchmark, ...] = import_module(f"benchmarks.{folder}.catalogue").BENCHMARKS
    return listed
