"""Cuts the uplink of one monitor that has references, while all of its VIMs work, and counts what it says.

As a program, `python -m tests.monitor.references.cut_uplink 10000 10`, it takes the number of VIMs and the interval of
their probes, and prints what it measured. It needs root, for a network namespace.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.support.networks.namespaces import Namespace, namespace
from tests.support.networks.requiring import require_namespaces
from tests.support.probers.prober import Prober, prober_in
from tests.support.probers.prober_main import REFERENCES
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.vims import Status

_FIRST = ipaddress.ip_address("127.1.0.1")
_PORT = 7700
_REFERENCES = ("127.200.0.1", f"127.200.0.2:{_PORT}")
_SERVER = (
    "import socket\n"
    f"server = socket.create_server(('0.0.0.0', {_PORT}), backlog=4096)\n"
    "print('ready', flush=True)\n"
    "while True:\n"
    "    server.accept()[0].close()\n"
)
_AWAY = """
table inet uplink {
  chain output {
    type filter hook prerouting priority -400; policy accept;
    ip daddr 127.0.0.0/8 drop
  }
}
"""
"""Dropped on arrival: a packet that is dropped when it leaves is an error that the sender is told of."""


@dataclass(frozen=True, slots=True)
class CutScenario:
    pinged: int
    """VIMs that are probed by ping; they are in volleys by the time of the cut."""
    connected: int
    """VIMs that are probed by TCP."""
    interval_s: float
    patience_s: float = 60.0


@dataclass
class CutFigures:
    """Times are in seconds."""

    unreachable: int = 0
    """Verdicts UNREACHABLE while every VIM worked."""
    unknown: dict[str, int] = field(default_factory=dict)
    """VIMs that read UNKNOWN, by reason, when all had been probed without an uplink."""
    all_unknown_after_s: float = 0.0
    reachable_again: int = 0
    all_reachable_again_after_s: float = 0.0
    true_outages_told: int = 0
    """Of two VIMs that then fail alone, one of each kind."""
    cpu_s_at_rest: float = 0.0
    """CPU time of the prober during two intervals at rest."""


async def run_cut(scenario: CutScenario) -> CutFigures:
    """Play the scenario in a namespace of its own. Skips a test without the right to make one."""
    require_namespaces()
    figures = CutFigures()
    with namespace() as machine:
        async with _server(machine), prober_in(machine, "env", f"{REFERENCES}={','.join(_REFERENCES)}") as prober:
            await _play(scenario, machine, prober, figures)
    return figures


async def _play(scenario: CutScenario, machine: Namespace, prober: Prober, figures: CutFigures) -> None:
    count = scenario.pinged + scenario.connected
    for number in range(count):
        method = Method.PING if number < scenario.pinged else Method.TCP
        policy = ProbePolicy(
            method, interval_s=scenario.interval_s, timeout_s=min(1.0, scenario.interval_s / 2), fall=2
        )
        prober.start(f"vim-{number}", f"http://{_FIRST + number}:{_PORT}", policy)
    await _all(prober, Status.REACHABLE, count, scenario)
    before = _cpu_s(prober.pid)
    # The prober says nothing while nothing changes: there is no event to wait for.
    await asyncio.sleep(2 * scenario.interval_s)
    figures.cpu_s_at_rest = round(_cpu_s(prober.pid) - before, 2)

    machine.run("nft", "-f", "-", stdin=_AWAY)
    begin = time.monotonic()
    await _all(prober, Status.UNKNOWN, count, scenario)
    figures.all_unknown_after_s = round(time.monotonic() - begin, 1)
    figures.unknown = dict(Counter(told.reason for told in prober.now.values()))

    machine.run("nft", "delete", "table", "inet", "uplink")
    begin = time.monotonic()
    await _all(prober, Status.REACHABLE, count, scenario)
    figures.all_reachable_again_after_s = round(time.monotonic() - begin, 1)
    figures.reachable_again = sum(told.status is Status.REACHABLE for told in prober.now.values())
    figures.unreachable = sum(told.status is Status.UNREACHABLE for told in prober.told)

    for number in {0, count - 1}:
        machine.drop([str(_FIRST + number)])
        await prober.until_status(f"vim-{number}", Status.UNREACHABLE)
        figures.true_outages_told += 1


async def _all(prober: Prober, status: Status, count: int, scenario: CutScenario) -> None:
    await prober.until(
        lambda: len(prober.now) == count and prober.count_of(status) == count, patience_s=scenario.patience_s
    )


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@asynccontextmanager
async def _server(machine: Namespace) -> AsyncGenerator[None]:
    process = await asyncio.create_subprocess_exec(
        *machine.command(sys.executable, "-c", _SERVER), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        await process.wait()


def main() -> None:
    count, interval_s = int(sys.argv[1]), float(sys.argv[2])
    connected = min(1000, count // 10)
    scenario = CutScenario(count - connected, connected, interval_s, patience_s=600.0)
    print(json.dumps(asdict(asyncio.run(run_cut(scenario))), indent=2))


if __name__ == "__main__":
    main()
