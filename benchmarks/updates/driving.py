"""Puts loads on one conductor, one after the other, and checks each in the database afterwards."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness.rounds import Sample
from benchmarks.harness.usage import CpuMeter
from benchmarks.updates.calling import WrongAnswer
from benchmarks.updates.conductors import Measured
from benchmarks.updates.load import Load, drive, h2load, write_vims
from benchmarks.updates.population import DUE_S, FRESH_S
from benchmarks.updates.work import Work

CHANGING = 1_000
"""This many VIMs change all the time, in turn. The others only make contact, or just exist."""
_PER_CALL = 500
_MICROS = 1e6


class Driver:
    """Knows how far the changes have got, so that the next load continues where the last one ended."""

    def __init__(self, on: Measured, folder: Path) -> None:
        self._on = on
        self._folder = folder
        self._changed = 0
        self._changing = write_vims(folder / "changing", on.vims[:CHANGING])
        self._steady = write_vims(folder / "steady", on.vims[CHANGING:])
        self._steady_count = len(on.vims) - CHANGING

    async def warm_up(self) -> None:
        """Report on all VIMs, as when a conductor has run for a minute."""
        await self._on.grant(FRESH_S)
        count = self._steady_count // _PER_CALL
        whole = Load(Work.SAME, 8, "grpc", float("inf"), warm_up_s=0, per_call=_PER_CALL, count=count)
        await drive(self._on.address, whole, self._steady)

    async def empty(self, load: Load) -> Sample:
        """Make calls that do nothing."""
        return await self._drive(load, self._changing)

    async def empty_by_h2load(self, callers: int, seconds: float) -> Sample:
        return {"calls_per_s": await h2load(self._on.address, callers, seconds, self._folder)}

    async def changed(self, load: Load, *, through: str | None = None, front_pid: int | None = None) -> Sample:
        """Make reports that each turn a VIM's status around. Raises WrongAnswer unless each made one event.

        `through` is the address of an Envoy in front, and `front_pid` its process.
        """
        before = await self._on.population.changes()
        sample = await self._drive(load, self._changing, through, front_pid, first=self._changed)
        self._changed += int(sample["answered"])
        committed = await self._on.population.changes() - before
        if committed != sample["answered"]:
            raise WrongAnswer(f"{sample['answered']:.0f} reports were answered, {committed} changes are committed")
        return sample

    async def renewed(self, load: Load) -> Sample:
        """Make contacts that each must renew a lease, at most one per VIM. Raises WrongAnswer unless each did."""
        until = await self._on.grant(DUE_S)
        sample = await self._drive(load, self._steady, count=self._steady_count)
        if (renewed := await self._on.population.renewed(until)) != sample["answered"]:
            raise WrongAnswer(f"{sample['answered']:.0f} contacts were answered, {renewed} leases were renewed")
        return sample

    async def unchanged(self, load: Load) -> Sample:
        """Make contacts without news. Raises WrongAnswer if one of them wrote something."""
        until = await self._on.grant(FRESH_S)
        sample = await self._drive(load, self._steady)
        if renewed := await self._on.population.renewed(until):
            raise WrongAnswer(f"{renewed} leases were written for nothing")
        return sample

    async def _drive(
        self,
        load: Load,
        vims: Path,
        through: str | None = None,
        front_pid: int | None = None,
        *,
        first: int = 0,
        count: int = 0,
    ) -> Sample:
        pids = {"conductor_us": self._on.process.pid, "database_us": self._on.database.pid, "front_us": front_pid}
        meter = CpuMeter(pid for pid in pids.values() if pid is not None)
        tally = await drive(through or self._on.address, load.on(first=first, count=count), vims)
        spent = {name: meter.spent_s(pid) for name, pid in pids.items() if pid is not None}
        return {
            "calls_per_s": tally.calls_per_s,
            "p50_ms": tally.p50_ms,
            "p99_ms": tally.p99_ms,
            "answered": tally.answered,
            "client_us": _MICROS * tally.client_cpu_s / tally.answered,
            **{name: _MICROS * seconds / tally.answered for name, seconds in spent.items()},
        }


EMPTY = Load(Work.EMPTY, callers=256)
CHANGED = Load(Work.CHANGED, callers=256)
SAME = Load(Work.SAME, callers=256)
