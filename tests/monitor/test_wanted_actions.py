from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from random import Random

import grpc
import pytest

from tests.support.deployments.scripted_conductor import ScriptedConductor, serving
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.domain.actions import Action, ActionScope, Shard
from vimesh.domain.endpoints import endpoint_of
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.vims import Engine
from vimesh.monitor.wanted_actions import ActionSet, PoolMember, Watcher
from vimesh.rpc.action_watch import ActionWatch, FollowLimits
from vimesh.rpc.channels import channel
from vimesh.v1 import action_pb2, vim_pb2
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub

LIMITS = FollowLimits(silence_s=5, first_pause_s=0.01, longest_pause_s=0.05, shortest_stream_s=0)
SCOPE = ActionScope(Engine.EMBEDDED, Shard(1, 3))


class Running:
    """The actions that a watcher has started and not stopped."""

    def __init__(self) -> None:
        self.now: dict[str, Action] = {}
        self.starts = 0
        self._news = asyncio.Event()

    def start(self, action: Action) -> None:
        endpoint_of(action.auth_url)
        self.starts += self.now.get(action.vim_id) != action
        self.now[action.vim_id] = action
        self._news.set()

    def stop(self, vim_id: str, action_id: str) -> None:
        if vim_id in self.now and self.now[vim_id].action_id == action_id:
            del self.now[vim_id]
        self._news.set()

    def pairs(self) -> list[tuple[str, str]]:
        return [(action.vim_id, action.action_id) for action in self.now.values()]

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def conductor() -> ScriptedConductor:
    return ScriptedConductor()


@pytest.fixture
async def running() -> Running:
    return Running()


@pytest.fixture
async def watcher(conductor: ScriptedConductor, running: Running) -> AsyncGenerator[None]:
    async with serving(conductor) as port, watching(port, running):
        yield


@asynccontextmanager
async def watching(port: int, running: Running, limits: FollowLimits = LIMITS) -> AsyncGenerator[None]:
    actions = ActionSet(running.start, running.stop, running.pairs)
    clock = asyncio.get_running_loop().time
    async with channel(f"127.0.0.1:{port}") as to_conductor, asyncio.TaskGroup() as parts:
        stub = ConductorServiceStub(to_conductor)
        following = ActionWatch(stub, limits, meanwhile="probing goes on", clock=clock, random=Random(1))
        task = parts.create_task(following.run(Watcher(SCOPE, actions)))
        yield
        task.cancel()


def wanted(*vim_ids: str, action_id: str = "first") -> list[action_pb2.Action]:
    return [
        action_pb2.Action(vim_id=vim_id, action_id=action_id, auth_url="http://10.0.0.1:5000/v3") for vim_id in vim_ids
    ]


def unwanted(vim_id: str, action_id: str = "first") -> list[pb.UnwantedAction]:
    return [pb.UnwantedAction(vim_id=vim_id, action_id=action_id)]


@pytest.mark.usefixtures("watcher")
async def test_it_asks_for_its_own_part_of_the_embedded_actions(conductor: ScriptedConductor) -> None:
    request = (await conductor.watch(0)).request

    assert request.engine == vim_pb2.Monitor.EMBEDDED
    assert (request.shard_index, request.shard_count, request.start_revision) == (1, 3, 0)


async def test_a_monitor_of_the_pool_says_who_it_is_and_which_actions_it_was_told_of() -> None:
    member = PoolMember("00000000-0000-4000-8000-000000000001", PoolPlace(capacity=3))
    running = Running()
    watcher = Watcher(ActionScope(Engine.EMBEDDED), ActionSet(running.start, running.stop, running.pairs), member)
    first = watcher.request()
    await watcher.apply_response(pb.WatchActionsResponse(revision=4, assignment="aa"))
    await watcher.apply_response(pb.WatchActionsResponse(revision=5))
    second = watcher.request()
    # A conductor of before, which knows no pool, sends all actions.
    await watcher.apply_response(pb.WatchActionsResponse(revision=6, log_id="log"))
    of_all = watcher.request()
    watcher.note_gap("it is another division")

    assert (first.pool.monitor_id, first.pool.place.vantage, first.pool.place.capacity) == (
        member.monitor_id,
        "default",
        3,
    )
    assert (first.start_revision, first.assignment) == (0, "")
    assert (second.start_revision, second.assignment) == (6, "aa")
    assert (of_all.start_revision, of_all.assignment) == (7, "")
    assert (watcher.request().start_revision, watcher.request().assignment) == (0, "")


@pytest.mark.usefixtures("watcher")
async def test_an_action_runs_with_the_policy_that_it_came_with(conductor: ScriptedConductor, running: Running) -> None:
    action = action_pb2.Action(vim_id="vim", action_id="a", auth_url="http://10.0.0.1", observation=7)
    action.probe_policy.method = vim_pb2.ProbePolicy.TCP
    action.probe_policy.interval.FromMilliseconds(2500)
    action.probe_policy.fall = 5
    action.probe_policy.fail_for.FromMilliseconds(6500)
    (await conductor.watch(0)).say(wanted=[action])

    await running.until(lambda: bool(running.now))

    policy = ProbePolicy(Method.TCP, interval_s=2.5, fall=5, fail_for_s=6.5)
    assert running.now["vim"] == Action("vim", "a", "http://10.0.0.1", policy, 7)


@pytest.mark.usefixtures("watcher")
async def test_changes_after_the_list_start_and_stop_actions(conductor: ScriptedConductor, running: Running) -> None:
    watch = await conductor.watch(0)
    watch.say(wanted=wanted("a", "b"))
    watch.say(wanted=wanted("c"), revision=10)
    watch.say(wanted=wanted("a", action_id="second"), unwanted=unwanted("a"), revision=11)
    watch.say(unwanted=unwanted("b"), revision=12)

    await running.until(lambda: set(running.now) == {"a", "c"})

    assert running.now["a"].action_id == "second"


@pytest.mark.usefixtures("watcher")
async def test_a_lost_stream_stops_nothing_and_goes_on_where_it_was(
    conductor: ScriptedConductor, running: Running
) -> None:
    watch = await conductor.watch(0)
    watch.say(wanted=wanted("a", "b"), revision=10)
    watch.say(revision=17)
    watch.end(grpc.StatusCode.UNAVAILABLE)

    again = await conductor.watch(1)
    again.say(wanted=wanted("c"), revision=18)
    await running.until(lambda: "c" in running.now)

    assert again.request.start_revision == 18
    assert set(running.now) == {"a", "b", "c"}


@pytest.mark.usefixtures("watcher")
async def test_a_list_that_broke_off_is_asked_for_again_and_stops_nothing(
    conductor: ScriptedConductor, running: Running
) -> None:
    watch = await conductor.watch(0)
    watch.say(wanted=wanted("a", "b"))
    watch.end(grpc.StatusCode.UNAVAILABLE)

    again = await conductor.watch(1)
    assert again.request.start_revision == 0
    again.say(wanted=wanted("b", "c"))
    await running.until(lambda: len(running.now) == 3)
    again.say(revision=5)
    await running.until(lambda: len(running.now) == 2)

    assert set(running.now) == {"b", "c"}


@pytest.mark.usefixtures("watcher")
async def test_missed_changes_are_made_up_for_by_a_new_list(conductor: ScriptedConductor, running: Running) -> None:
    (await conductor.watch(0)).say(wanted=wanted("a", "b"), revision=10)
    await running.until(lambda: len(running.now) == 2)
    conductor.watches[0].end(grpc.StatusCode.OUT_OF_RANGE)

    again = await conductor.watch(1)
    again.say(wanted=wanted("b", "c"), revision=99)
    await running.until(lambda: set(running.now) == {"b", "c"})

    assert again.request.start_revision == 0
    assert running.starts == 3  # b went on undisturbed


@pytest.mark.usefixtures("watcher")
async def test_a_server_that_ends_the_stream_in_good_order_is_left_for_another_at_once(
    conductor: ScriptedConductor, running: Running
) -> None:
    (await conductor.watch(0)).say(wanted=wanted("a"), revision=10)
    conductor.watches[0].say(revision=12, end=vim_pb2.WATCH_END_DRAINING)

    again = await conductor.watch(1)

    assert again.request.start_revision == 13
    assert set(running.now) == {"a"}


async def test_a_silent_stream_is_taken_as_dead(conductor: ScriptedConductor, running: Running) -> None:
    limits = FollowLimits(silence_s=0.2, first_pause_s=0.01)
    async with serving(conductor) as port, watching(port, running, limits):
        (await conductor.watch(0)).say(wanted=wanted("a"), revision=10)

        again = await conductor.watch(1)

        assert again.request.start_revision == 11
        assert set(running.now) == {"a"}


@pytest.mark.usefixtures("watcher")
async def test_an_action_that_cannot_run_does_not_disturb_the_others(
    conductor: ScriptedConductor, running: Running
) -> None:
    broken = action_pb2.Action(vim_id="broken", action_id="first", auth_url="http:///")
    (await conductor.watch(0)).say(wanted=[broken, *wanted("a")], revision=10)

    await running.until(lambda: "a" in running.now)

    assert set(running.now) == {"a"}
