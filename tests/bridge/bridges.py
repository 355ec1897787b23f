"""Real bridges, and the broker as its administrator sees it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from tests.support.amqp.brokers import Broker
from tests.support.callers.commands import clean_environment
from tests.support.timing.waiting import until

_START_S = 90
_STOP_S = 30
_COMMAND_S = 90
READY = "calls are taken"


class Bridge:
    """A `vimesh bridge` that may be stopped, killed and started again: it remembers what its folder holds."""

    def __init__(self, folder: Path, address: str, url: str, *flags: str, **environment: str) -> None:
        self._folder = folder
        self._name = f"bridge-{uuid4()}"
        self.log = folder / f"{self._name}.log"
        places = ("--address", address, "--state-dir", str(folder / self._name))
        self._command = (sys.executable, "-m", "vimesh.cli", "bridge", *places, *flags)
        # In the environment it is not seen by others of the machine. Empty, it is as if it were not set.
        self._environment = clean_environment(VIMESH_BRIDGE_TRANSPORT_URL=url, **environment)
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, ready: str = READY) -> None:
        """Return when it serves, or would, if its broker were there; or when it says something else once more."""
        told = self.said(ready) if self.log.exists() else 0
        with self.log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )

        def is_ready() -> bool:
            assert process.returncode is None, self.log.read_text()
            return self.said(ready) > told

        await until(is_ready, _START_S)

    async def stop(self) -> None:
        """Stop it as an administrator would."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"vimesh bridge did not stop:\n{self.log.read_text()}") from None
        self._process = None

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def said(self, *texts: str) -> int:
        """Count the lines of its log that hold one of the texts."""
        return sum(any(text in line for text in texts) for line in self.log.read_text().splitlines())

    def kills_of(self, vim_id: str) -> list[str]:
        """Return what it logged of the kills of a VIM's action."""
        return [line for line in self.log.read_text().splitlines() if f"KILL_ACTION.{vim_id} " in line]


@asynccontextmanager
async def running_bridge(
    folder: Path, address: str, url: str, *flags: str, ready: str = READY, **environment: str
) -> AsyncGenerator[Bridge]:
    """Run a bridge, and see that it said nothing that it should not."""
    bridge = Bridge(folder, address, url, *flags, **environment)
    try:
        await bridge.start(ready)
        yield bridge
    finally:
        await bridge.stop()
    said = bridge.log.read_text()
    assert "Traceback" not in said, said
    assert "defect" not in said, said
    assert "guest:guest" not in said, said


async def queues(broker: Broker) -> dict[str, int]:
    """Return the broker's queues, with their consumers."""
    told = await administer(broker, "list_queues", "name", "consumers", "--no-table-headers")
    lines = (line.split("\t") for line in told.splitlines() if "\t" in line)
    return {name: int(consumers) for name, consumers in lines}


async def nothing_left(broker: Broker) -> bool:
    """Say whether no call waits or is held, acknowledged or not."""
    told = await administer(broker, "list_queues", "name", "messages", "--no-table-headers")
    return "TACKER_CONDUCTOR\t0" in told.splitlines()


async def administer(broker: Broker, *command: str) -> str:
    """Run rabbitmqctl; return what it writes."""
    environment = broker._environment()
    process = await asyncio.create_subprocess_exec(
        *(f"{broker.bin}/rabbitmqctl", "-q", "-n", environment["RABBITMQ_NODENAME"], *command),
        env=environment,
        stdin=DEVNULL,
        stdout=PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), _COMMAND_S)
    assert process.returncode == 0
    return out.decode()
