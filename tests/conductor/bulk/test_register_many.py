"""RegisterVims says of each VIM what RegisterVim would say."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

from tests.support.deployments.conductors import Client, conductor_at
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim, VimEvent
from vimesh.wire.error_statuses import DETAILS_KEY, failure_of
from vimesh.wire.limits import MAX_BATCH_BYTES, MAX_BATCH_VALUES, MAX_FREE_FORM_VALUES

URL = "http://127.0.0.1:5000/v3"


def wanted(name: str = "", *, request_id: str = "", vim_id: str = "", **fields: object) -> pb.RegisterVimRequest:
    known: dict[str, object] = {"name": name or f"vim-{uuid.uuid4()}", "type": "openstack", "auth_url": URL}
    vim = Vim(**(known | fields))  # type: ignore[arg-type]  # fields by name
    return pb.RegisterVimRequest(vim=vim, request_id=request_id, vim_id=vim_id)


def struct(**content: object) -> Struct:
    made = Struct()
    made.update(content)  # type: ignore[arg-type]  # whatever JSON holds
    return made


async def register(client: Client, *requests: pb.RegisterVimRequest) -> list[pb.RegisterVimResult]:
    answer = await client.vims.RegisterVims(pb.RegisterVimsRequest(requests=requests), timeout=30)
    return list(answer.results)


async def refusal(client: Client, request: pb.RegisterVimRequest) -> Status:
    """Return the status that RegisterVim ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.vims.RegisterVim(request, timeout=30)
    trailers = failed.value.trailing_metadata()
    assert trailers is not None
    return Status.FromString(dict(trailers)[DETAILS_KEY])


async def test_each_that_is_registered_can_be_shown(client: Client) -> None:
    requests = [wanted(description=f"number {number}", auth_cred=struct(password="x")) for number in range(120)]

    results = await register(client, *requests)

    assert [result.WhichOneof("outcome") for result in results] == ["registered"] * 120
    shown = [await client.get(result.registered.vim_id) for result in results]
    assert [vim.description for vim in shown] == [request.vim.description for request in requests]
    assert {vim.auth_cred["password"] for vim in shown} == {"***"}


REFUSED = [
    pb.RegisterVimRequest(),
    wanted(type="vmware"),
    wanted(auth_url="nowhere"),
    wanted(auth_cred=struct(password="***")),
    wanted(extra=struct(a="x" * 70_000)),
    wanted(extra=struct(a=float("nan"))),
    wanted(probe_policy=ProbePolicy(fall=11)),
    wanted(probe_policy=ProbePolicy(timeout=Duration(seconds=10**15), interval=Duration(seconds=5))),
    wanted(probe_policy=ProbePolicy(interval=Duration(nanos=10**9))),
    wanted(round_trip=Duration(seconds=10**15)),
    wanted(request_id="1"),
    wanted(vim_id="1"),
    wanted("there"),
    wanted(is_default=True),
    wanted(vim_id=str(uuid.UUID(int=1))),
    wanted(request_id=str(uuid.UUID(int=2))),
]


async def test_a_refusal_is_the_status_of_register_vim_and_concerns_its_own_vim_only(client: Client) -> None:
    there = wanted("there", is_default=True, vim_id=str(uuid.UUID(int=1)), request_id=str(uuid.UUID(int=2)))
    await client.vims.RegisterVim(there, timeout=30)
    mistral = wanted()
    mistral.engine = Monitor.MISTRAL
    refused = [*REFUSED, mistral]
    between = [wanted() for _ in refused]

    results = await register(client, *(request for pair in zip(refused, between, strict=True) for request in pair))

    assert [result.refused for result in results[::2]] == [await refusal(client, request) for request in refused]
    assert [result.WhichOneof("outcome") for result in results[1::2]] == ["registered"] * len(between)


async def test_one_that_cannot_be_judged_keeps_no_other_from_being_registered(client: Client) -> None:
    beyond_all_time = ProbePolicy(timeout=Duration(seconds=10**15), interval=Duration(seconds=5))
    requests = [wanted() for _ in range(499)]
    requests.insert(250, wanted(probe_policy=beyond_all_time))

    results = await register(client, *requests)

    refused = [number for number, result in enumerate(results) if result.WhichOneof("outcome") == "refused"]
    assert refused == [250]


async def test_a_call_registers_what_its_values_allow_and_refuses_the_rest(client: Client) -> None:
    full, small = struct(a=[0] * 2047), struct(a=1)
    # What is refused for its own values counts as one of them.
    full_ones = MAX_BATCH_VALUES // MAX_FREE_FORM_VALUES
    requests = [
        wanted(extra=struct(a=[0] * 5000)),
        *(wanted(extra=full) for _ in range(full_ones)),
        wanted(extra=small),
        wanted(),
    ]

    results = await register(client, *requests)

    refused = [number for number, result in enumerate(results) if result.WhichOneof("outcome") == "refused"]
    assert refused == [0, full_ones, full_ones + 1]
    assert "holds more than 2048" in results[0].refused.message
    assert results[full_ones].refused.message.endswith("send it in another call")


async def test_a_call_registers_what_its_bytes_allow_and_refuses_the_rest(client: Client) -> None:
    quarter = struct(a="x" * (MAX_BATCH_BYTES // 4 - 400))

    results = await register(client, *(wanted(extra=quarter) for _ in range(6)), wanted())

    refused = [number for number, result in enumerate(results) if result.WhichOneof("outcome") == "refused"]
    assert refused == [4, 5, 6]
    assert results[4].refused.message.endswith(f"more than {MAX_BATCH_BYTES} bytes: send it in another call")


async def test_a_vim_that_is_larger_than_a_batch_may_come_first(client: Client) -> None:
    full = struct(a=[1] * 1900, b="x" * 50_000)
    large = wanted(vim_project=full, auth_cred=full, placement_attr=full, extra=full)
    assert large.ByteSize() > MAX_BATCH_BYTES

    results = await register(client, large, wanted())

    assert [result.WhichOneof("outcome") for result in results] == ["registered", "refused"]


async def test_of_five_hundred_bad_ones_only_the_first_hear_all_that_is_wrong(client: Client) -> None:
    """To put it into words costs more than to find it."""
    bad = pb.RegisterVimRequest(request_id="1", vim_id="1", engine=9)  # type: ignore[arg-type]  # no engine has that number
    bad.vim.name = bad.vim.project_id = "a\n" * 300
    bad.vim.description = "\0"
    bad.vim.probe_policy.CopyFrom(ProbePolicy(fall=11, rise=11, interval=Duration(seconds=9000)))

    results = await register(client, *[bad] * 500)

    named = [len(BadRequest.FromString(result.refused.details[1].value).field_violations) for result in results]
    assert named == [named[0]] * 20 + [1] * 480
    assert named[0] > 5


async def test_a_repeat_says_so(client: Client) -> None:
    request = wanted(request_id=str(uuid.uuid4()).upper())

    [first] = await register(client, request)
    again = await register(client, request, request)
    alone = await client.vims.RegisterVim(request, timeout=30)

    assert not first.registered.repeated
    repeated = pb.RegisteredVim(vim_id=first.registered.vim_id, repeated=True)
    assert [result.registered for result in again] == [repeated, repeated]
    assert alone.vim.id == first.registered.vim_id


@pytest.mark.parametrize("count", [0, 501])
async def test_a_call_has_one_to_five_hundred(client: Client, count: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await register(client, *[wanted()] * count)

    assert failure_of(failed.value).reason == "BAD_INPUT"
    assert not (await client.vims.ListVims(pb.ListVimsRequest(), timeout=30)).vims


async def test_watchers_are_told_of_each(client: Client) -> None:
    """G8."""
    stream = aiter(client.vims.WatchVims(pb.WatchVimsRequest(), timeout=30))
    await anext(stream)

    results = await register(client, *(wanted() for _ in range(200)))

    events: list[VimEvent] = []
    while len(events) < 200:
        events += (await anext(stream)).events
    assert [event.vim_id for event in events] == [result.registered.vim_id for result in results]
    assert {event.kind for event in events} == {VimEvent.REGISTERED}


def move_away(folder: Path) -> None:
    for file in folder.glob("vimesh.sqlite*"):
        file.rename(file.with_name(f"away-{file.name}"))


async def test_without_the_database_nothing_is_known_of_any(tmp_path: Path) -> None:
    """G3."""
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        await register(client, wanted("before"))
        move_away(tmp_path)

        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await register(client, wanted(), pb.RegisterVimRequest())

        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert failure_of(failed.value).reason == "STORE_UNAVAILABLE"
