"""Generates load on a conductor that is called by oslo.messaging: with threads, as its clients do. Checks every answer.

Run by an interpreter that has oslo.messaging, and nothing of ours except how calls are counted.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import oslo_messaging
from oslo_config import cfg

from benchmarks.updates.calling import Calls, WrongAnswer

_CALL_LIMIT_S = 30
_Arguments = dict[str, str]


class _Callers:
    def __init__(self, url: str, callers: int, calls: Calls[_Arguments]) -> None:
        cfg.CONF([], project="benchmark")
        transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
        # Registered by the transport; with fewer connections than threads, these would wait for each other.
        cfg.CONF.set_override("rpc_conn_pool_size", callers + 1, "oslo_messaging_rabbit")
        target = oslo_messaging.Target(topic="conductor", version="1.0")
        self._client = oslo_messaging.get_rpc_client(transport, target, timeout=_CALL_LIMIT_S)
        self._calls = calls
        self._lock = threading.Lock()

    def run(self, _number: int) -> None:
        while True:
            begun = time.perf_counter()
            with self._lock:
                arguments = self._calls.take(begun)
            if arguments is None:
                return
            self._call(arguments)
            with self._lock:
                self._calls.answered(begun, time.perf_counter())

    def _call(self, arguments: _Arguments) -> None:
        if not arguments:
            self._client.call({}, "empty")
        elif (said := self._client.call({}, "update_vim", **arguments)) != arguments["status"]:
            raise WrongAnswer(f"answered {said}")


def _task_of(work: str, vims: list[list[str]]) -> Callable[[int], _Arguments]:
    def task(position: int) -> _Arguments:
        lap, number = divmod(position, len(vims))
        vim_id, action_id = vims[number]
        return {"vim_id": vim_id, "action_id": action_id, "status": "REACHABLE" if lap % 2 else "UNREACHABLE"}

    return (lambda _: {}) if work == "empty" else task


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("work", choices=("empty", "changed"))
    parser.add_argument("vims", type=Path)
    parser.add_argument("--callers", type=int, required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    task = _task_of(given.work, [row.split() for row in given.vims.read_text().splitlines()])
    # Each thread has to connect first.
    calls = Calls(task, first=given.first, count=0, warm_up_s=1.0, seconds=given.seconds)
    callers = _Callers(given.url, given.callers, calls)
    with ThreadPoolExecutor(given.callers) as threads:
        list(threads.map(callers.run, range(given.callers)))
    sys.stdout.write(calls.tally().to_json() + "\n")


if __name__ == "__main__":
    main()
