"""The load generators count what was answered rightly, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.updates import frame_client, frames, grpc_client
from benchmarks.updates.calling import Calls, Tally, WrongAnswer
from benchmarks.updates.frames import Kind
from benchmarks.updates.work import UPDATE_PATH, Task, Watched, Work, batch, task_of
from tests.support.deployments.scripted_conductor import ScriptedConductor, bad_action, recorded, serving
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2

VIMS = [Watched(f"vim-{number}", f"action-{number}") for number in range(3)]


def test_changes_turn_each_status_around_with_a_greater_observation() -> None:
    task = task_of(Work.CHANGED, VIMS)
    first, second = (pb.UpdateVimRequest.FromString(task(position).request) for position in (1, 1 + len(VIMS)))

    assert (first.vim_id, first.action_id) == (second.vim_id, second.action_id) == ("vim-1", "action-1")
    assert (first.status, second.status) == (vim_pb2.Vim.UNREACHABLE, vim_pb2.Vim.REACHABLE)
    assert second.observation == first.observation + 1


def test_a_batch_is_a_message_of_all_its_tasks() -> None:
    task = task_of(Work.CHANGED, VIMS)
    made = batch([task(position) for position in range(3)])

    assert [report.vim_id for report in pb.UpdateVimsRequest.FromString(made.request).reports] == [
        "vim-0",
        "vim-1",
        "vim-2",
    ]
    assert [one.status for one in pb.UpdateVimsResponse.FromString(made.answer).outcomes] == [
        vim_pb2.Vim.UNREACHABLE
    ] * 3


def test_frames_that_come_in_pieces_are_parsed_when_they_are_whole() -> None:
    sent = frames.frame(Kind.DATA, frames.END_STREAM, 7, b"payload")
    buffer = bytearray(sent[:12])
    assert not list(frames.parse(buffer))

    buffer += sent[12:]
    assert list(frames.parse(buffer)) == [(Kind.DATA, frames.END_STREAM, 7, b"payload")]
    assert not buffer


def test_a_tally_survives_its_way_between_processes() -> None:
    tally = Tally(answered=5, calls_per_s=2.5, p50_ms=1.0, p99_ms=2.0, client_cpu_s=0.1)

    assert Tally.from_json(tally.to_json()) == tally


async def drive(client: str, conductor: ScriptedConductor, count: int) -> Tally:
    calls: Calls[Task] = Calls(task_of(Work.CHANGED, VIMS), first=0, count=count, warm_up_s=0, seconds=60)
    async with serving(conductor) as port:
        address = f"127.0.0.1:{port}"
        if client == "grpc":
            await grpc_client.drive(address, UPDATE_PATH, calls, callers=4)
        else:
            await asyncio.to_thread(frame_client.drive, address, UPDATE_PATH, calls, callers=4, connections=2)
    return calls.tally()


@pytest.mark.parametrize("client", ["frames", "grpc"])
async def test_each_task_is_called_once(client: str) -> None:
    conductor = ScriptedConductor()
    heard: list[tuple[str, int]] = []

    def answer(report: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
        heard.append((report.vim_id, report.observation))
        return recorded(report)

    conductor.answer = answer

    assert (await drive(client, conductor, 100)).answered == 100
    assert len(heard) == len(set(heard)) == 100


@pytest.mark.parametrize("client", ["frames", "grpc"])
async def test_another_answer_than_the_right_one_ends_the_run(client: str) -> None:
    conductor = ScriptedConductor()
    conductor.answer = lambda report: bad_action(report) if report.vim_id == "vim-2" else recorded(report)

    with pytest.raises((WrongAnswer, ExceptionGroup)):
        await drive(client, conductor, 100)
