"""Whoever watched before a backup was restored learns what is true after it, on each kind of database (G8, G19).

All of them resume with revisions that the restored log has again by then, for other changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from tests.support.clouds.targets import free_port
from tests.support.deployments.conductors import conductor_over
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.sql.stores import LOCK_TIMEOUT_S, record, registration, report, store_at
from tests.support.timing.waiting import until
from vimesh.bridge.kills.unwanted_actions import UnwantedActions
from vimesh.bridge.kills.watermark import Watermark
from vimesh.client.calls.front_stubs import Front, connected
from vimesh.client.watches.resumable_watch import watch
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.domain.actions import Action, ActionScope, Shard
from vimesh.domain.vims import Engine, Status
from vimesh.monitor.wanted_actions import ActionSet, Watcher
from vimesh.rpc.action_watch import ActionWatch, Follower, FollowLimits
from vimesh.rpc.channels import channel
from vimesh.runtime.background import beside
from vimesh.runtime.task_crew import crew
from vimesh.store.backup.back_up import back_up
from vimesh.store.backup.restore import restore
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim

pytestmark = pytest.mark.timeout(240)
WITHIN_S = 60
_LIMITS = FollowLimits(first_pause_s=0.05, longest_pause_s=0.2, shortest_stream_s=0)


class KnownVims:
    """What `vimesh vim watch` knows of the VIMs."""

    def __init__(self) -> None:
        self.revision = 0
        self.snapshots = 0
        self.statuses: dict[str, int] = {}

    async def follow(self, front: Front) -> None:
        async for shown in watch(front):
            if shown.afresh:
                self.snapshots += 1
                self.statuses.clear()
            self.statuses |= {vim.id: vim.status for vim in shown.answer.vims}
            self.statuses |= {event.vim_id: event.status for event in shown.answer.events}
            self.revision = shown.answer.revision or self.revision


class RunningActions:
    """The actions that a monitor runs."""

    def __init__(self) -> None:
        self.by_vim: dict[str, str] = {}
        self.watcher = Watcher(
            ActionScope(Engine.EMBEDDED, Shard(0, 1)), ActionSet(self._start, self._stop, self.by_vim.items)
        )

    def _start(self, action: Action) -> None:
        self.by_vim[action.vim_id] = action.action_id

    def _stop(self, vim_id: str, action_id: str) -> None:
        if self.by_vim.get(vim_id) == action_id:
            del self.by_vim[vim_id]


@asynccontextmanager
async def following(address: str, follower: Follower) -> AsyncGenerator[None]:
    async with channel(address) as opened:
        stub, clock = ConductorServiceStub(opened), asyncio.get_running_loop().time
        actions = ActionWatch(stub, _LIMITS, meanwhile="actions go on", clock=clock, random=Random(1))
        async with beside(actions.run(follower)):
            yield


async def end_at_once(_vim_id: str, _action_id: str) -> None:
    """End an action of Tacker, which there is not."""


async def test_whoever_watched_before_learns_what_is_true_after_it(database_url: str, tmp_path: Path) -> None:
    settings = ConductorSettings(listen=f"127.0.0.1:{free_port()}", drain_s=0, grace_s=1)
    pager, known, monitor, bridge = Endpoint(), KnownVims(), RunningActions(), Watermark(0)
    async with AsyncExitStack() as watchers:
        async with (
            store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store,
            conductor_over(store, settings) as client,
        ):
            await create_receiver(client.channel)
            kept = await client.register()
            await client.report(kept, Vim.UNREACHABLE, 1)
            await watchers.enter_async_context(notifier_at(settings.listen, "one", {"pager": pager}))
            await watchers.enter_async_context(following(settings.listen, monitor.watcher))
            workers = await watchers.enter_async_context(crew())
            unwanted = UnwantedActions(end_at_once, bridge, workers)
            await watchers.enter_async_context(following(settings.listen, unwanted))
            front = await watchers.enter_async_context(connected(settings.listen, 30))
            await watchers.enter_async_context(beside(known.follow(front)))
            # Whether the receiver is told of it, depends on when it was created.
            await client.report(kept, Vim.REACHABLE, 2)
            await client.report(kept, Vim.UNREACHABLE, 3)
            await until(lambda: pager.kinds(kept.id)[-1:] == ["PROBLEM"], WITHIN_S)
            await back_up(database_url, tmp_path / "copy", lambda _done, _total: None, overwrite=False)
            gone = await client.register()
            await client.report(kept, Vim.REACHABLE, 4)
            newest = (await store.span()).newest
            await until(lambda: min(known.revision, bridge.revision) >= newest, WITHIN_S)
            await until(lambda: pager.kinds(kept.id)[-1:] == ["RESOLVED"], WITHIN_S)
            await until(lambda: set(monitor.by_vim) == {kept.id, gone.id}, WITHIN_S)
        snapshots, log_id, ends = known.snapshots, bridge.log_id, pager.kinds(kept.id).count("RESOLVED")

        await restore(database_url, tmp_path / "copy", lambda _done, _total: None, overwrite=True)
        async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
            down = await store.register(registration())
            await record(store, [report(down, Status.UNREACHABLE, 1)])
            others = [await store.register(registration()) for _ in range(20)]
            assert (await store.span()).newest > newest
            async with conductor_over(store, settings) as client:
                present = {kept.id, down.id, *(vim.id for vim in others)}
                await until(lambda: set(known.statuses) == set(monitor.by_vim) == present, WITHIN_S)
                assert known.snapshots == snapshots + 1
                assert known.statuses[down.id] == known.statuses[kept.id] == Vim.UNREACHABLE
                await until(lambda: bridge.log_id not in {"", log_id}, WITHIN_S)
                await until(lambda: "PROBLEM" in pager.kinds(down.id), WITHIN_S)
                await client.report(kept, Vim.REACHABLE, 5)
                # What had arrived, but was not recorded when the copy was made, is told once more before the end.
                await until(lambda: pager.kinds(kept.id).count("RESOLVED") > ends, WITHIN_S)
                await until(lambda: pager.kinds(kept.id)[-1] == "RESOLVED", WITHIN_S)
                await until(lambda: known.statuses[kept.id] == Vim.REACHABLE, WITHIN_S)
