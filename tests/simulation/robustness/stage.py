"""Sets up a world with VIMs, watchers and workers: every scenario starts and ends with it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

import grpc

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.readers import Reader, log_of
from tests.simulation.robustness.load.watchers import Watcher
from tests.simulation.robustness.truth import Target, policy
from tests.simulation.robustness.world import World, WorldSettings, running_world
from tests.support.deployments.conductors import Client, client_at
from tests.support.networks.namespaces import Namespace
from tests.support.processes.side_process import side_process
from tests.support.timing.waiting import once_available
from vimesh.runtime.background import beside
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_AT_ONCE = 32
_CATCH_UP_S = 60.0
_END_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    machine: Namespace
    client: Client
    history: History
    watchers: list[Watcher]
    port: int
    """Port of the targets that serve TCP and HTTP, at any address."""
    seed: int
    folder: Path
    """Of the run."""

    def random(self, what: str) -> Random:
        """Return a random source of its own: what others draw does not change what this one draws."""
        return Random(f"{what} {self.seed}")

    async def register_targets(self, targets: Iterable[Target], interval_s: float) -> dict[str, str]:
        """Register a VIM for each target; return the addresses by id."""
        vims = await at_once(
            lambda target: self._register(
                target.address, policy(target.method, interval_s), f"http://{target.address}:{self.port}/"
            ),
            targets,
        )
        for vim, target in zip(vims, targets, strict=True):
            self.history.note("vim", vim=vim.id, engine="EMBEDDED", address=target.address, truth=target.truth)
        return {vim.id: target.address for vim, target in zip(vims, targets, strict=True)}

    async def register_external(self, count: int) -> list[vim_pb2.Vim]:
        vims = await at_once(lambda number: self.register_unnoted(f"external-{number}"), range(count))
        for vim in vims:
            self.history.note("vim", vim=vim.id, name=vim.name, engine="EXTERNAL", address="", truth="")
        return vims

    async def register_unnoted(self, name: str) -> vim_pb2.Vim:
        """Register a VIM whose action is of another system, and leave to that to record it."""
        vim = vim_pb2.Vim(name=name, type="openstack", auth_url="http://192.0.2.1:1/")
        request = pb.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.EXTERNAL, request_id=str(uuid.uuid4()))
        # On a machine that is busy with other things, some of so many calls at once may have to be repeated.
        later = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
        answer = await once_available(
            lambda: self.client.vims.RegisterVim(request, timeout=10), _CATCH_UP_S, later=later
        )
        return answer.vim

    async def _register(self, name: str, asked: vim_pb2.ProbePolicy, url: str) -> vim_pb2.Vim:
        # Calls that were refused can be repeated; whether others were carried out is not known.
        later = (grpc.StatusCode.RESOURCE_EXHAUSTED,)
        return await once_available(
            lambda: self.client.register(name=name, auth_url=url, probe_policy=asked), _CATCH_UP_S, later=later
        )

    async def until_said(self, wanted: dict[str, str], limit_s: float) -> list[str]:
        """Wait until every VIM has the wanted status; return what was still wrong when the limit was over."""
        reader = Reader("agreement", self.client, self.history)
        deadline = now() + limit_s
        while True:
            listed = await reader.listed()
            said = {vim.id: vim_pb2.Vim.Status.Name(vim.status) for vim in listed or ()}
            wrong = [
                f"{vim} reads {said.get(vim)}, not {status}"
                for vim, status in wanted.items()
                if said.get(vim) != status
            ]
            if not wrong or now() > deadline:
                return wrong
            await asyncio.sleep(0.1)

    async def take_down_what_is_left(self) -> None:
        """Record the log of changes and all VIMs, and let the watchers reach the end."""
        self.history.note("log-read")
        changes = [change async for change in log_of(self.client)]
        for change in changes:
            self.history.note("log", **change)
        newest = max((int(str(change["revision"])) for change in changes), default=0)
        await asyncio.gather(*(watcher.until(newest, _CATCH_UP_S) for watcher in self.watchers))

    async def note_finals(self) -> None:
        reader = Reader("the end", self.client, self.history)

        async def listed() -> list[vim_pb2.Vim]:
            vims = await reader.listed()
            assert vims is not None, "the fleet does not answer although nothing is broken any more"
            return vims

        for vim in await listed():
            status = vim_pb2.Vim.Status.Name(vim.status)
            self.history.note("final", vim=vim.id, status=status, reason=vim.reason, action=vim.monitor.action_id)


@asynccontextmanager
async def staged(
    settings: WorldSettings, folder: Path, machine: Namespace, history: History, seed: int
) -> AsyncGenerator[Stage]:
    """Run a world with targets and watchers, and without VIMs."""
    async with (
        running_targets(folder / "targets.log") as port,
        running_world(settings, folder, machine, history) as world,
        client_at(world.address) as client,
    ):
        watchers = [
            Watcher(
                f"watcher-{n}", world.address, history, Random(f"watcher {n} {seed}"), restless=n == settings.watchers
            )
            for n in range(1, settings.watchers + 1)
        ]
        async with beside(*(watcher.run() for watcher in watchers)):
            async with asyncio.timeout(_CATCH_UP_S):
                for watcher in watchers:
                    await watcher.begun.wait()
            await once_available(lambda: client.vims.ListVims(pb.ListVimsRequest(), timeout=10), 30)
            yield Stage(world, machine, client, history, watchers, port, seed, folder)


@asynccontextmanager
async def running_targets(log: Path) -> AsyncGenerator[int]:
    """Run a cloud API at every address, in a process of its own: a busy checker must not look like a hung cloud."""
    async with side_process("tests.simulation.robustness.load.targets_main", log=log) as line:
        yield int(line)


@asynccontextmanager
async def working(
    history: History, **workers: Callable[[asyncio.Event], Coroutine[None, None, None]]
) -> AsyncGenerator[None]:
    """Let workers work while the block runs, and end by themselves afterwards. One that does not is recorded."""
    ending = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        names = {tasks.create_task(run(ending)): name for name, run in workers.items()}
        yield
        ending.set()
        _, hung = await asyncio.wait(names, timeout=_END_S)
        for task in hung:
            history.note("hung", who=names[task])
            task.cancel()


async def at_once(make: Callable[[T], Awaitable[vim_pb2.Vim]], what: Iterable[T]) -> list[vim_pb2.Vim]:
    """Make a call for each, some at a time; return the results in the given order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> vim_pb2.Vim:
        async with gate:
            return await make(item)

    return await asyncio.gather(*map(one, what))
