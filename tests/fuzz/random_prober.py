"""python -m tests.fuzz.random_prober NAME SECONDS: runs a real prober against servers that answer at random."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Generator, Iterable, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from structlog.testing import capture_logs

from tests.fuzz.random_server import RandomServer, serving, talk_well
from tests.fuzz.registry import load
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.timing.waiting import until
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.targets.verdict import Verdict

_VIMS = 24
"""Number of VIMs per policy."""
_POLICIES = (
    ("http", ProbePolicy(Method.HTTP, interval_s=0.5, timeout_s=0.3, fall=1)),
    ("http", ProbePolicy(Method.HTTP, interval_s=0.7, timeout_s=0.2, fall=3, rise=2)),
    ("https", ProbePolicy(Method.HTTP, interval_s=0.6, timeout_s=0.3, fall=1)),
    ("https", ProbePolicy(Method.HTTP, interval_s=0.6, timeout_s=0.3, fall=2, tls_verify=True)),
    ("http", ProbePolicy(Method.TCP, interval_s=0.9, timeout_s=0.3, fall=1)),
)
_HEALTHY = "healthy"
_WATCH_S = 0.01
_PATIENCE_S = 15.0
_HELD_MS = 100.0
"""CPU between two looks at the clock that counts as blocking all other VIMs."""
_DEFECTS = (Reason.LOCAL_DEFECT, Reason.LOCAL_STUCK)


@dataclass(slots=True)
class Judgement:
    """The verdicts on each VIM, and those that should not exist."""

    said: dict[str, Verdict] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0

    def note(self, verdict: Verdict) -> None:
        self.said[verdict.vim_id] = verdict
        if verdict.reason in _DEFECTS:
            self.failures.append(f"{verdict.vim_id} reads {verdict.reason}: {verdict.detail}")
        if verdict.vim_id == _HEALTHY and verdict.status is not Status.REACHABLE:
            self.failures.append(f"the healthy VIM reads {verdict.status} {verdict.reason}: {verdict.detail}")

    async def watch(self) -> None:
        """Measure how much CPU the loop takes at a time, until cancelled."""
        before = time.thread_time()
        while True:
            await asyncio.sleep(_WATCH_S)
            now = time.thread_time()
            self.slowest_ms, before = max(self.slowest_ms, 1000 * (now - before)), now

    async def all_said(self, vims: Iterable[str]) -> None:
        """Wait until there is a verdict on each, within a limit: on a busy machine the first round takes longer."""
        with suppress(TimeoutError):
            await until(lambda: self.said.keys() >= set(vims), _PATIENCE_S)

    def conclude(self, vims: Iterable[str], logs: Iterable[MutableMapping[str, Any]]) -> None:
        """Add the failures that only show at the end."""
        self.failures += [f"nothing was ever said of {vim}" for vim in vims if vim not in self.said]
        self.failures += [f"log: {line}" for line in logs if line["log_level"] in ("error", "critical")]
        if self.slowest_ms > _HELD_MS:
            self.failures.append(f"the loop was held for {self.slowest_ms:.0f} ms of CPU, not {_HELD_MS:.0f}")


async def play(for_s: float, seed: str) -> dict[str, Any]:
    """Probe for a while; return the figures."""
    clear, encrypted = (RandomServer(load(name), Random(f"{name} {seed}")) for name in ("http", "tls"))
    judgement = Judgement()
    with capture_logs() as logs, serving(clear.talk, encrypted.talk, talk_well) as ports:
        with hosting(judgement.note, loopback_settings()) as host:
            vims = _start(host, dict(zip(("http", "https", _HEALTHY), ports, strict=True)))
            with _most_grown() as grown:
                watching = asyncio.create_task(judgement.watch())
                await asyncio.sleep(for_s)
                await judgement.all_said(vims)
                watching.cancel()
        judgement.conclude(vims, logs)
    served = clear.served + encrypted.served
    return {
        "tried": served,
        "per_s": round(served / for_s),
        "slowest_ms": round(judgement.slowest_ms, 2),
        "grown_mib": grown[0],
        "failures": judgement.failures[:20],
    }


def _start(host: ActionHost, ports: dict[str, int]) -> list[str]:
    good = ProbePolicy(Method.HTTP, interval_s=2.5, timeout_s=2.0)
    host.start(Action(_HEALTHY, "action", f"http://127.0.0.1:{ports[_HEALTHY]}/", good, 0))
    vims = [_HEALTHY]
    for kind, (scheme, policy) in enumerate(_POLICIES):
        for number in range(_VIMS):
            vims.append(f"{scheme}-{kind}-{number}")
            url = f"{scheme}://127.0.0.1:{ports[scheme]}/{vims[-1]}"
            host.start(Action(vims[-1], "action", url, policy, 0))
    return vims


@contextmanager
def _most_grown() -> Generator[list[float]]:
    before, grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, [0.0]
    yield grown
    grown[0] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1)


def main() -> None:
    outcome = asyncio.run(play(float(sys.argv[2]), str(time.time_ns())))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
