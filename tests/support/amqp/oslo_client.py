"""Runs callers of oslo.messaging in a process of their own: old ping actions, and any other callers."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

_ROOT = Path(__file__).parents[3]
_PYTHON = _ROOT / ".cache/oslo/bin/python"
_READY = _ROOT / ".cache/oslo/.ready"
_SHIPPED = Path(__file__).with_name("oslo_client_shipped.py")
_MAIN = Path(__file__).with_name("oslo_client_main.py")
PATIENCE_S = 30
Event = dict[str, Any]


# The command that the shipped action runs: it needs no permissions, and the test decides the result.
_PING = """#!/bin/sh
for target; do :; done
sleep 0.02
exec test ! -e "$HOME/silent-$target"
"""


class OsloProcess:
    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._calls = 0
        self.events: list[Event] = []
        self._news = asyncio.Event()

    async def read(self) -> None:
        """Record the events of the process until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                self.events.append(json.loads(line))
                self._news.set()
        await self._process.wait()
        self._news.set()

    async def until(self, holds: Callable[[Event], bool], within_s: float = PATIENCE_S, *, after: int = 0) -> Event:
        """Return the first event from number `after` on that matches."""
        async with asyncio.timeout(within_s):
            while True:
                for event in self.events[after:]:
                    if holds(event):
                        return event
                assert self._process.returncode is None, "the process of the callers has ended: see oslo.log"
                self._news.clear()
                await self._news.wait()

    async def start(self, vim_id: str, status: str = "REACHABLE", **more: object) -> None:
        """Start an action, and wait until it can be killed."""
        self._order(do="start", vim_id=vim_id, status=status, **more)
        await self.until(lambda event: event["event"] == "started" and event["vim_id"] == vim_id)

    def answer_pings(self, target_ip: str, *, answer: bool = True) -> None:
        """Set whether pings by Tacker's own actions to this address are answered from now on."""
        silent = self._folder / f"silent-{target_ip}"
        silent.unlink(missing_ok=True) if answer else silent.touch()

    def ping(self, vim_id: str, status: str) -> None:
        """Set the result of all later pings by an action."""
        self._order(do="ping", vim_id=vim_id, status=status)

    async def ended(self, vim_id: str, within_s: float = PATIENCE_S) -> Event:
        """Wait until the action has ended."""
        return await self.until(lambda event: event["event"] == "ended" and event["vim_id"] == vim_id, within_s)

    async def answered(self, vim_id: str, said: str, within_s: float = PATIENCE_S, *, after: int = 0) -> Event:
        """Wait until the action has received an answer to its report."""
        return await self.until(
            lambda event: event["event"] == "answer" and (event["vim_id"], event["said"]) == (vim_id, said),
            within_s,
            after=after,
        )

    async def call(self, method: str = "update_vim", **arguments: object) -> Event:
        """Make a call, and return the outcome: `answer`, or `error` with `why`."""
        return await self.call_with({}, method, **arguments)

    async def call_with(self, options: Event, method: str = "update_vim", **arguments: object) -> Event:
        """Make a call with a version, a namespace or a time-out of its own."""
        self._calls += 1
        number = self._calls
        self._order(do="call", number=number, method=method, arguments=arguments, **options)
        return await self.until(lambda event: event.get("number") == number, 2 * PATIENCE_S)

    async def serve(self) -> Event:
        """Serve calls as Tacker's conductor does; return `error` if that fails."""
        return await self._told("serve")

    async def stop_serving(self) -> None:
        await self._told("stop_serving")

    async def _told(self, order: str) -> Event:
        self._calls += 1
        number = self._calls
        self._order(do=order, number=number)
        return await self.until(lambda event: event.get("number") == number, 2 * PATIENCE_S)

    async def stop(self) -> None:
        # Its threads wait for brokers and answers: it has nothing to clean up.
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _order(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")


def tacker_conf(url: str, options: Mapping[str, object]) -> str:
    """Write the configuration file of an OpenStack service."""
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    return f"[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_rabbit]\n{lines}"


@asynccontextmanager
async def oslo_process(folder: Path, url: str, **options: object) -> AsyncGenerator[OsloProcess]:
    """Run a process that takes orders, with options in [oslo_messaging_rabbit]."""
    async with _running(folder, url, options, _MAIN) as caller:
        yield caller


@asynccontextmanager
async def shipped_action(
    folder: Path, url: str, vim_id: str, target_ip: str, **options: object
) -> AsyncGenerator[OsloProcess]:
    """Run Tacker's own action in a process of its own, with options in [oslo_messaging_rabbit]."""
    async with _running(folder, url, options, _SHIPPED, vim_id, target_ip) as caller:
        yield caller


@asynccontextmanager
async def _running(
    folder: Path, url: str, options: Mapping[str, object], script: Path, *arguments: str
) -> AsyncGenerator[OsloProcess]:
    assert _READY.exists(), "make .cache/oslo/.ready installs oslo.messaging"
    configuration = folder / f"oslo-{uuid4()}.conf"
    configuration.write_text(tacker_conf(url, options))
    (programs := folder / "bin").mkdir(exist_ok=True)
    (programs / "ping").write_text(_PING)
    (programs / "ping").chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
    environment["OSLO_LOCK_PATH"] = str(folder)  # required by the queue manager
    with (folder / "oslo.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(_PYTHON), "-W", "ignore", str(script), str(configuration), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=environment,
            # The queue manager reads the start time of the leader of its process group: ours may have ended.
            start_new_session=True,
        )
    caller = OsloProcess(process, folder)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(caller.read())
        try:
            yield caller
        finally:
            await caller.stop()
            reading.cancel()
