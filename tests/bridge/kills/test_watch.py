from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import grpc

from tests.support.deployments.scripted_conductor import ScriptedConductor, serving
from tests.support.timing.waiting import until
from vimesh.bridge.amqp.broker import BrokerAway, BrokerLimits
from vimesh.bridge.amqp.guarded_transport import GuardedConnection
from vimesh.bridge.calls.conductor_client import ConductorClient
from vimesh.bridge.calls.delayed_replies import DelayedReplies
from vimesh.bridge.calls.update_vim import UpdateRules, Updates, UpdateVimCall
from vimesh.bridge.kills.kill_casts import KillCasts
from vimesh.bridge.kills.unwanted_actions import UnwantedActions
from vimesh.bridge.kills.watermark import Watermark
from vimesh.rpc.action_watch import ActionWatch, FollowLimits
from vimesh.rpc.channels import channel
from vimesh.runtime.background import beside
from vimesh.runtime.task_crew import crew
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_LIMITS = FollowLimits(silence_s=5, first_pause_s=0.01, longest_pause_s=0.05, shortest_stream_s=0)
_PATIENCE_S = 10


class Ends:
    """Actions that are being ended: each when a test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.gate = asyncio.Event()

    async def end(self, vim_id: str, action_id: str) -> None:
        self.begun.append((vim_id, action_id))
        await self.gate.wait()


@asynccontextmanager
async def watching(conductor: ScriptedConductor, progress: Watermark, ends: Ends) -> AsyncGenerator[None]:
    async with serving(conductor) as port, channel(f"127.0.0.1:{port}") as opened, crew() as workers:
        clock = asyncio.get_running_loop().time
        following = ActionWatch(
            ConductorServiceStub(opened), _LIMITS, meanwhile="actions go on", clock=clock, random=Random(1)
        )
        async with beside(following.run(UnwantedActions(ends.end, progress, workers))):
            yield


def gone(*vim_ids: str) -> list[pb.UnwantedAction]:
    return [pb.UnwantedAction(vim_id=vim_id, action_id=vim_id) for vim_id in vim_ids]


async def test_it_begins_with_the_list_when_nothing_is_remembered() -> None:
    conductor, progress = ScriptedConductor(), Watermark(0)
    async with watching(conductor, progress, Ends()):
        watch = await conductor.watch(0)
        watch.say(revision=7)
        await until(lambda: progress.revision == 7, _PATIENCE_S)

    assert watch.request.engine == vim_pb2.Monitor.EXTERNAL
    assert watch.request.start_revision == 0


async def test_what_is_not_done_is_not_passed() -> None:
    conductor, progress, ends = ScriptedConductor(), Watermark(4), Ends()
    async with watching(conductor, progress, ends):
        watch = await conductor.watch(0)
        watch.say(unwanted=gone("a", "b"), revision=5)
        watch.say(revision=9)
        await until(lambda: len(ends.begun) == 2, _PATIENCE_S)
        assert progress.revision == 4
        ends.gate.set()
        await until(lambda: progress.revision == 9, _PATIENCE_S)

    assert watch.request.start_revision == 5


async def test_a_lost_stream_goes_on_after_what_was_seen() -> None:
    conductor, ends = ScriptedConductor(), Ends()
    async with watching(conductor, Watermark(4), ends):
        first = await conductor.watch(0)
        first.say(unwanted=gone("a"), revision=5)
        first.end(grpc.StatusCode.UNAVAILABLE)
        second = await conductor.watch(1)

    assert second.request.start_revision == 6
    assert ends.begun == [("a", "a")]


async def test_missed_changes_begin_with_the_list_again() -> None:
    conductor, progress = ScriptedConductor(), Watermark(4)
    async with watching(conductor, progress, Ends()):
        (await conductor.watch(0)).end(grpc.StatusCode.OUT_OF_RANGE)
        again = await conductor.watch(1)
        again.say(revision=2)
        await until(lambda: progress.revision == 2, _PATIENCE_S)

    assert again.request.start_revision == 0


async def test_an_action_that_reported_before_the_changes_were_followed_is_looked_at_again() -> None:
    conductor, progress, ends = ScriptedConductor(), Watermark(0), Ends()
    async with serving(conductor) as port, channel(f"127.0.0.1:{port}") as opened, crew() as workers:
        reports, random = ConductorServiceStub(opened), Random(1)
        watch = UnwantedActions(ends.end, progress, workers)
        updates = Updates(
            ConductorClient(reports, VimServiceStub(opened), random=random),
            KillCasts(_NoBroker(), workers),
            DelayedReplies(capacity=1),
            watch,
            UpdateRules(hold_s=0),
        )
        report = UpdateVimCall(vim_id="A", status="REACHABLE", action_id=None, waits=True, timeout_s=None)
        clock = asyncio.get_running_loop().time
        following = ActionWatch(reports, _LIMITS, meanwhile="actions go on", clock=clock, random=random)
        async with beside(following.run(watch)):
            stream = await conductor.watch(0)
            assert await updates.update_vim(report) == "REACHABLE"
            assert not ends.begun  # what is wanted is not known yet

            stream.say(revision=7)
            await until(lambda: ends.begun == [("a", "a")], _PATIENCE_S)
            assert progress.revision == 0  # a bridge that begins once more looks again

            ends.gate.set()
            await until(lambda: progress.revision == 7, _PATIENCE_S)
            assert await updates.update_vim(report) == "REACHABLE"  # from now on the changes tell
            assert len(ends.begun) == 1


class _NoBroker:
    """None is needed: nothing is killed."""

    limits = BrokerLimits()

    async def connection(self, within_s: float) -> GuardedConnection:
        raise BrokerAway(f"within {within_s:g} s")
