"""Runs other programs that ping: each once per round, and each reports itself how many probes were answered."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.peers import program
from benchmarks.harness.rounds import Sample
from benchmarks.probes.ended import run_to_end
from benchmarks.probes.own_python import own_python
from benchmarks.probes.targets import Targets
from tests.support.networks.namespaces import Namespace

PING_PROBES = 200
PING_THREADS = 20
_FPING_ROW = re.compile(r"xmt/rcv/%loss = (\d+)/(\d+)/")
_SOURCE = Path(__file__).with_name("echo_limit.c")


@dataclass(frozen=True, slots=True)
class PingPeers:
    """Programs that are installed, and the namespace in which they run."""

    machine: Namespace
    fping: Path
    ping: Path
    limit: Path
    fping_list: Path

    async def by_fping(self, targets: Targets, rounds: int) -> Sample:
        """Request the same pace from it, and report the pace that it kept."""
        # -c counts, -p and -i are the pauses between probes of one target and of any two, in milliseconds
        pace = ["-c", str(rounds), "-p", f"{targets.interval_s * 1000:.0f}", "-i", f"{1000 / targets.rate:g}"]
        command = [str(self.fping), "-q", *pace, "-t", "1000", "-f", str(self.fping_list)]
        begun = asyncio.get_running_loop().time()
        ended = await run_to_end(self.machine.command(*command))
        took_s = asyncio.get_running_loop().time() - begun
        rows = [(int(sent), int(answered)) for sent, answered in _FPING_ROW.findall(ended.output)]
        sent, answered = sum(row[0] for row in rows), sum(row[1] for row in rows)
        if sent != targets.count * rounds:
            raise NotMeasured(f"fping sent {sent} of {targets.count * rounds}:\n{ended.output[-1000:]}")
        return {**_sample(sent, answered, ended.cpu_s), "probes_per_s": sent / took_s}

    async def by_ping_processes(self) -> Sample:
        arguments = (str(self.ping), str(PING_PROBES), str(PING_THREADS))
        return await self._telling(*own_python("benchmarks.probes.ping_each_main", *arguments))

    async def by_c(self, targets: Targets, rate: int, seconds: float) -> Sample:
        """With rate 0: as fast as it can."""
        return await self._telling(str(self.limit), targets.address(0), str(rate), str(seconds))

    async def _telling(self, *command: str) -> Sample:
        ended = await run_to_end(self.machine.command(*command))
        sent, answered, cpu_s = ended.output.split()
        return _sample(int(sent), int(answered), float(cpu_s))


async def ping_peers(machine: Namespace, folder: Path, targets: Targets) -> PingPeers:
    """Install and build what is missing. Raises PeerMissing."""
    compiler = await program("gcc", "build-essential")
    limit = folder / "echo_limit"
    await run_to_end([str(compiler), "-O2", "-o", str(limit), str(_SOURCE)])
    listed = folder / "fping.list"
    listed.write_text("".join(f"{targets.address(number)}\n" for number in range(targets.count)))
    return PingPeers(machine, await program("fping", "fping"), await program("ping", "iputils-ping"), limit, listed)


def _sample(sent: int, answered: int, cpu_s: float) -> Sample:
    if not sent or answered != sent:
        raise NotMeasured(f"{answered} of {sent} probes were answered")
    return {"cpu_us": cpu_s / sent * 1e6, "probes": sent}
