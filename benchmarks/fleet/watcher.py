"""Reads what a watcher saw: it is a process of its own inside the namespace, and writes a file."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.fleet.site import Site
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.processes import Process, printed, running

_LOOK_EVERY_S = 0.1
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """A change of a VIM, as the watcher received it."""

    arrived_at: float
    """By the clock of the machine, which the database also uses."""
    vim_id: str
    kind: str
    status: str
    reason: str


class Watcher:
    def __init__(self, process: Process, after: int | None) -> None:
        self._process = process
        self._offset = 0
        self.revision = after
        """Everything up to this revision has been seen."""
        self.told: list[Told] = []
        self.last: dict[str, Told] = {}
        """The newest change of each VIM."""
        self.statuses: Counter[str] = Counter()
        """Number of VIMs with each status, according to the changes."""

    async def until(self, holds: Callable[[], bool], within_s: float) -> None:
        """Wait until the changes satisfy a condition. Raises NotMeasured."""
        try:
            async with asyncio.timeout(within_s):
                while not self._reads_on(holds):
                    self._process.check()
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise NotMeasured(f"after {within_s:g} s the watcher was shown {dict(self.statuses)}") from None

    def read(self) -> None:
        """Read what was written since the last time. Raises NotMeasured when a change is missing, or came twice."""
        with self._process.output.open("rb") as file:
            file.seek(self._offset)
            whole = file.read().rpartition(b"\n")[0]
        if not whole:
            return
        self._offset += len(whole) + 1
        for line in whole.decode().splitlines():
            self._take(line)

    def _reads_on(self, holds: Callable[[], bool]) -> bool:
        self.read()
        return holds()

    def _take(self, line: str) -> None:
        if not line.startswith("["):
            raise NotMeasured(f"the watcher failed: {self._process.tail()}")
        arrived_at, revision, *change = json.loads(line)
        # A line without a change is a heartbeat, or states where the watch starts.
        if self.revision is not None and revision != self.revision + bool(change):
            raise NotMeasured(f"the watcher was shown revision {revision} after {self.revision}")
        self.revision = revision
        if change:
            self._note(Told(arrived_at, *change))

    def _note(self, told: Told) -> None:
        before = self.last.get(told.vim_id)
        if before is not None:
            self.statuses[before.status] -= 1
        self.statuses[told.status] += 1
        self.last[told.vim_id] = told
        self.told.append(told)


@asynccontextmanager
async def watching(site: Site, after: int | None = None) -> AsyncGenerator[Watcher]:
    """Watch every change after a revision, or from now on, while the block runs."""
    main = (sys.executable, "-m", "benchmarks.fleet.watcher_main")
    command = site.inside.command(*main, site.address, *([] if after is None else [str(after)]))
    output = site.folder / f"changes-after-{after}.jsonl"
    async with running(*command, output=output, ready=printed("["), within_s=_START_S) as process:
        yield Watcher(process, after)
