"""Runs the process under test: the real engine of a monitor, without conductors. Takes orders through a Unix socket.

Each order is a line of JSON, [verb, argument], and is answered by one line of JSON: see `_Tested`.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from benchmarks.harness.usage import rss_bytes
from benchmarks.probes.targets import Targets, from_json, vim_id
from vimesh.domain.history.round_digests import MINUTE_S
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import HostSettings, hosting
from vimesh.monitor.reporting.pending_digests import PendingDigests
from vimesh.monitor.targets.target import Target
from vimesh.monitor.targets.verdict import Verdict
from vimesh.runtime.garbage_collection import collect_rarely
from vimesh.runtime.loop_slices import in_slices
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules
from vimesh.v1 import action_pb2, vim_pb2
from vimesh.wire.action_messages import action_from_wire
from vimesh.wire.wire_durations import duration

_SLICE = 200
"""Number of actions that start before the loop runs again, as when they arrive in pages over a watch."""
_TICK_S = 0.01


class _Heard:
    """The verdicts. Keeps nothing of a VIM that is simply reachable, because that would count as memory of the host."""

    def __init__(self) -> None:
        self._reachable = 0
        self._down: set[str] = set()
        self._changes: list[tuple[str, str, str, float]] = []

    def note(self, verdict: Verdict) -> None:
        if verdict.status is Status.REACHABLE and verdict.vim_id not in self._down:
            self._reachable += 1
            return
        if verdict.status is Status.REACHABLE:
            self._down.discard(verdict.vim_id)
        else:
            self._down.add(verdict.vim_id)
        self._changes.append((verdict.vim_id, verdict.status, verdict.reason, verdict.decided_at))

    def told(self) -> dict[str, Any]:
        """Return how many VIMs were reachable at first, and all other verdicts since the last time."""
        changes, self._changes = self._changes, []
        return {"reachable": self._reachable, "changes": changes}


class _Ticker:
    """Measures how late the loop handles what is due."""

    def __init__(self) -> None:
        self._latest_s = 0.0

    def start(self) -> None:
        self._tick(asyncio.get_running_loop().time())

    def _tick(self, due_at: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._latest_s = max(self._latest_s, now - due_at)
        loop.call_at(now + _TICK_S, self._tick, now + _TICK_S)

    def latest_s(self) -> float:
        """Return the greatest delay since the last time."""
        latest, self._latest_s = self._latest_s, 0.0
        return latest


class _Tested:
    """Carries the orders out."""

    def __init__(self, host: ActionHost, heard: _Heard) -> None:
        self._host = host
        self._heard = heard
        self._digests = PendingDigests()
        self._ticker = _Ticker()

    async def obey(self, verb: str, argument: Any) -> object:  # noqa: ANN401 - as the verb wants it
        match verb:
            case "start":
                return await self._start(from_json(argument))
            case "heard":
                return self._heard.told()
            case "spent":
                return self._spent()
            case "end minute":
                return await self._end_minute()
            case "tick":
                self._ticker.start()
                return None
            case "stall":
                time.sleep(argument)  # noqa: ASYNC251 - the loop is to be blocked
                return None
            case _:
                raise ValueError(verb)

    async def _start(self, targets: Targets) -> int:
        # As a watcher receives them: each with objects of its own, as far as the real code makes them.
        policy = _policy_on_wire(targets)
        for number in range(targets.count):
            known = vim_id(number)
            on_wire = action_pb2.Action(
                vim_id=known, action_id=known[::-1], auth_url=targets.auth_url(number), probe_policy=policy
            )
            self._host.start(action_from_wire(on_wire))
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return len(self._host)

    async def _end_minute(self) -> int:
        """Make the digests, and return of how many actions some wait, for nothing is delivered."""
        assert self._host.history is not None
        await in_slices(self._keep, self._host.history.end_minute(int(time.time()) // MINUTE_S))
        return len(self._digests)

    def _keep(self, records: Sequence[tuple[Target, bytes]]) -> None:
        for target, record in records:
            self._digests.add(target.owner, record)

    def _spent(self) -> dict[str, float]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "kernel_s": usage.ru_stime,
            "rss_bytes": rss_bytes(os.getpid()),
            "lag_s": self._ticker.latest_s(),
        }


def _policy_on_wire(targets: Targets) -> vim_pb2.ProbePolicy:
    policy = targets.policy
    return vim_pb2.ProbePolicy(
        method=vim_pb2.ProbePolicy.Method.Value(policy.method),
        interval=duration(policy.interval_s),
        timeout=duration(policy.timeout_s),
        fall=policy.fall,
        rise=policy.rise,
    )


async def _serve(path: Path, *, history: bool) -> None:
    heard, done = _Heard(), asyncio.Event()
    rules = TargetRules(allow=parse_networks("127.0.0.0/8"))
    settings = HostSettings(user_agent="vimesh/benchmark", rules=rules, history=history)
    with hosting(heard.note, settings) as host:
        tested = _Tested(host, heard)

        async def take(orders: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
            while line := await orders.readline():
                answers.write(json.dumps(await tested.obey(*json.loads(line))).encode() + b"\n")
            done.set()

        async with await asyncio.start_unix_server(take, path):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await done.wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    # As `vimesh monitor` does.
    collect_rarely()
    asyncio.run(_serve(Path(sys.argv[1]), history="history" in sys.argv[2:]))
