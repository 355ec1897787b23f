"""Measures many reports per call: how many entries of UpdateVims a conductor records per second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.benchmark import Run
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, Sample, Variant, interleave
from benchmarks.harness.usage import CpuMeter
from benchmarks.updates import conductors
from benchmarks.updates.calling import WrongAnswer
from benchmarks.updates.load import Load, drive, write_vims
from benchmarks.updates.population import DUE_S, FRESH_S
from benchmarks.updates.work import Work

_VIMS = 100_000
_PER_CALL = 500
_CHANGING = _VIMS // 2
"""The others only make contact."""
_STEADY_CALLS = (_VIMS - _CHANGING) // _PER_CALL
_CALLERS = 16
_SECONDS = 2.5
"""Each row is loaded for about this long in each round."""
_FIRST_CALLS = 2 * _CALLERS
_MOST_CALLS = 2_000
_RENEWED = "entries, each renews its lease"
_CHANGED = "entries, each changes a status and adds an event"
_UNCHANGED = "entries that change nothing"
_GOALS = {
    "sqlite": {_RENEWED: (200_000, 150_000), _CHANGED: (200_000, 150_000), _UNCHANGED: (300_000, 200_000)},
    "postgresql": {_RENEWED: (60_000, 40_000), _CHANGED: (60_000, 40_000), _UNCHANGED: (300_000, 200_000)},
}


def measure_on(kind: str) -> Callable[[Run], Coroutine[Any, Any, Measured]]:
    """Return the benchmark of one kind of database."""

    async def measure(run: Run) -> Measured:
        folder = run.folder
        async with (
            conductors.database(kind, folder / "database") as on,
            conductors.conductor(on, folder, count=_VIMS) as measured,
        ):
            driver = _Driver(measured, folder)
            variants: dict[str, Variant] = {
                _RENEWED: driver.renewed,
                _CHANGED: driver.changed,
                _UNCHANGED: driver.unchanged,
            }
            await driver.warm_up()
            rounds = await interleave(variants, rounds=run.rounds, say=run.say)
        return Measured(_figures(kind, rounds), _SETTINGS, conductors.versions_over(kind))

    return measure


class _Driver:
    """Loads each row for about the same time, however fast the conductor is."""

    def __init__(self, on: conductors.Measured, folder: Path) -> None:
        self._on = on
        self._vims = {
            Work.CHANGED: write_vims(folder / "changing", on.vims[:_CHANGING]),
            Work.SAME: write_vims(folder / "steady", on.vims[_CHANGING:]),
        }
        self._changed = 0
        self._calls = dict.fromkeys((_RENEWED, _CHANGED, _UNCHANGED), _FIRST_CALLS)

    async def warm_up(self) -> None:
        """Find out how many calls fill the time."""
        for measure in (self.renewed, self.changed, self.unchanged):
            await measure()

    async def renewed(self) -> Sample:
        """Run pass after pass over leases that are due. Raises WrongAnswer unless each entry renewed one."""
        total: Counter[str] = Counter()
        while total["elapsed"] < _SECONDS / 2:
            until = await self._on.grant(DUE_S)
            spent = await self._pass(_RENEWED, Work.SAME, most=_STEADY_CALLS)
            if (renewed := await self._on.population.renewed(until)) != spent["entries"]:
                raise WrongAnswer(f"{spent['entries']:.0f} entries were answered, {renewed} leases were renewed")
            total.update(spent)
        return _sample(total)

    async def changed(self) -> Sample:
        """Run a pass of changes. Raises WrongAnswer unless each entry made one event."""
        before = await self._on.population.changes()
        spent = await self._pass(_CHANGED, Work.CHANGED, first=self._changed)
        self._changed += round(spent["entries"]) // _PER_CALL
        if (committed := await self._on.population.changes() - before) != spent["entries"]:
            raise WrongAnswer(f"{spent['entries']:.0f} entries were answered, {committed} changes are committed")
        return _sample(spent)

    async def unchanged(self) -> Sample:
        """Run a pass of repeats. Raises WrongAnswer if an entry wrote something."""
        until = await self._on.grant(FRESH_S)
        spent = await self._pass(_UNCHANGED, Work.SAME)
        if renewed := await self._on.population.renewed(until):
            raise WrongAnswer(f"{renewed} leases were written for nothing")
        return _sample(spent)

    async def _pass(self, kind: str, work: Work, *, first: int = 0, most: int = _MOST_CALLS) -> Counter[str]:
        """Return the costs: seconds, and CPU seconds of all."""
        pids = {"conductor": self._on.process.pid, "database": self._on.database.pid}
        meter = CpuMeter(pid for pid in pids.values() if pid is not None)
        count = min(self._calls[kind], most)
        load = Load(work, _CALLERS, "grpc", float("inf"), warm_up_s=0, per_call=_PER_CALL, first=first, count=count)
        tally = await drive(self._on.address, load, self._vims[work])
        self._calls[kind] = max(_FIRST_CALLS, round(tally.calls_per_s * _SECONDS))
        return Counter(
            {
                "entries": float(tally.answered * _PER_CALL),
                "elapsed": tally.answered / tally.calls_per_s,
                "client": tally.client_cpu_s,
                **{name: meter.spent_s(pid) for name, pid in pids.items() if pid is not None},
            }
        )


def _sample(spent: Mapping[str, float]) -> Sample:
    entries = spent["entries"]
    per_entry = {
        f"{name}_us": 1e6 * spent[name] / entries for name in ("client", "conductor", "database") if name in spent
    }
    return {"entries_per_s": entries / spent["elapsed"], **per_entry}


def _figures(kind: str, rounds: Rounds) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            name,
            "entries/s",
            rounds.of(name, "entries_per_s"),
            goal=goal,
            least=least,
            note=_cpu_note(kind, rounds, name),
        )
        for name, (goal, least) in _GOALS[kind].items()
    )


def _cpu_note(kind: str, rounds: Rounds, name: str) -> str:
    sides = ("conductor", "client") if kind == "sqlite" else ("conductor", "database", "client")
    return "CPU us per entry: " + ", ".join(f"{side} {rounds.median(name, f'{side}_us'):.2g}" for side in sides)


_SETTINGS = {
    "entries per call": str(_PER_CALL),
    "calls in flight": str(_CALLERS),
    "VIMs": f"{_VIMS:,}, half of them change; in a random order",
    "seconds of each round and row": f"about {_SECONDS:g}",
    "conductors": "1",
}
