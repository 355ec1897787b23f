from __future__ import annotations

import asyncio
import shutil
import uuid
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.conductors import Client, conductor_at, report_on
from vimesh.rpc.status import failure_of
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2, vim_service_pb2

Vim = vim_pb2.Vim


async def test_a_report_of_the_wanted_action_is_recorded_and_answered_with_its_status(client: Client) -> None:
    vim = await client.register()

    answer = await client.report(vim, Vim.UNREACHABLE, reason="REFUSED", detail="nobody listens")

    assert answer.status == Vim.UNREACHABLE
    assert 0 < answer.contact_within.seconds <= 60
    known = await client.get(vim.id)
    assert (known.status, known.reason, known.detail) == (Vim.UNREACHABLE, "REFUSED", "nobody listens")
    assert known.monitor.state == vim_pb2.Monitor.RUNNING
    assert known.revision == vim.revision + 1
    assert known.etag == vim.etag


async def test_an_id_in_upper_case_is_the_same_id(client: Client) -> None:
    """G3, G4."""
    vim = await client.register()
    upper = vim.id.upper()
    stream = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(vim_id=upper, snapshot=True), timeout=10)
    assert [shown.id for shown in (await anext(aiter(stream))).vims] == [vim.id]

    assert (await client.report(vim, Vim.REACHABLE, 1, vim_id=upper)).status == Vim.REACHABLE
    many = pb.UpdateVimsRequest(reports=[report_on(vim, Vim.UNREACHABLE, 2, vim_id=upper)])
    assert (await client.conductor.UpdateVims(many, timeout=10)).outcomes[0].status == Vim.UNREACHABLE
    assert (await client.get(upper)).status == Vim.UNREACHABLE
    change = vim_service_pb2.ModifyVimRequest(vim=Vim(id=upper, name="new"))
    assert (await client.vims.ModifyVim(change, timeout=10)).vim.id == vim.id
    listed = await client.vims.ListVims(vim_service_pb2.ListVimsRequest(filter=f"id = {upper}"), timeout=10)
    assert [shown.name for shown in listed.vims] == ["new"]
    past = await client.vims.ListVimEvents(vim_service_pb2.ListVimEventsRequest(vim_id=upper), timeout=10)
    assert len(past.events) == 4
    await anext(aiter(stream))
    assert {event.vim_id for event in (await anext(aiter(stream))).events} == {vim.id}
    await client.deregister(upper)


async def test_a_verdict_may_stand_for_days(client: Client) -> None:
    vim = await client.register()

    answer = await client.report(
        vim, Vim.REACHABLE, age=Duration(seconds=30 * 86400), round_trip=Duration(seconds=3600)
    )

    assert answer.status == Vim.REACHABLE


async def test_another_action_hears_bad_action_and_changes_nothing(client: Client) -> None:
    vim = await client.register()

    answer = await client.report(vim, Vim.REACHABLE, action_id=str(uuid.uuid4()))

    assert answer.WhichOneof("outcome") == "bad_action"
    assert await client.get(vim.id) == vim


async def test_the_action_of_a_deregistered_vim_hears_bad_action(client: Client) -> None:
    vim = await client.register()
    await client.deregister(vim.id)

    assert (await client.report(vim, Vim.REACHABLE)).WhichOneof("outcome") == "bad_action"


async def test_the_action_of_a_vim_that_never_was_hears_bad_action(client: Client) -> None:
    stranger = Vim(id=str(uuid.uuid4()), monitor=vim_pb2.Monitor(action_id="x"))

    assert (await client.report(stranger, Vim.REACHABLE)).WhichOneof("outcome") == "bad_action"


async def test_a_late_report_is_answered_with_what_is_on_record(client: Client) -> None:
    vim = await client.register()
    await client.report(vim, Vim.REACHABLE, 9)

    answer = await client.report(vim, Vim.UNREACHABLE, 8)

    assert (answer.status, answer.newest_observation) == (Vim.REACHABLE, 9)
    assert (await client.get(vim.id)).status == Vim.REACHABLE


async def test_reports_in_one_call_are_judged_each_alone(client: Client) -> None:
    kept, gone = await client.register(), await client.register()
    await client.deregister(gone.id)

    answer = await client.conductor.UpdateVims(
        pb.UpdateVimsRequest(
            reports=[
                report_on(kept, Vim.UNREACHABLE, 1),
                report_on(gone, Vim.REACHABLE, 1),
                report_on(kept, Vim.REACHABLE, 3),
                report_on(kept, Vim.UNREACHABLE, 2),
                report_on(kept, Vim.UNREACHABLE, 4, action_id="another"),
            ]
        ),
        timeout=10,
    )

    said = [(o.WhichOneof("outcome"), o.status, o.newest_observation) for o in answer.outcomes]
    assert said == [
        ("status", Vim.UNREACHABLE, 0),
        ("bad_action", 0, 0),
        ("status", Vim.REACHABLE, 0),
        ("status", Vim.REACHABLE, 3),
        ("bad_action", 0, 0),
    ]
    assert (await client.get(kept.id)).status == Vim.REACHABLE


async def test_one_bad_report_in_a_call_is_named_and_none_is_recorded(client: Client) -> None:
    vim = await client.register()

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.conductor.UpdateVims(
            pb.UpdateVimsRequest(reports=[report_on(vim, Vim.REACHABLE), report_on(vim, Vim.PENDING)]), timeout=10
        )

    failure = failure_of(failed.value)
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [v.field for v in failure.violations] == ["reports[1].status"]
    assert (await client.get(vim.id)).status == Vim.PENDING


async def test_a_new_auth_url_fences_the_old_action_at_once(client: Client) -> None:
    vim = await client.register()
    await client.report(vim, Vim.REACHABLE, 5)

    changed = (
        await client.vims.ModifyVim(
            vim_service_pb2.ModifyVimRequest(vim=Vim(id=vim.id, auth_url="http://127.0.0.2:5000/v3")), timeout=10
        )
    ).vim

    assert changed.monitor.action_id != vim.monitor.action_id
    assert changed.status == Vim.PENDING
    assert (await client.report(vim, Vim.UNREACHABLE, 6)).WhichOneof("outcome") == "bad_action"
    assert (await client.report(changed, Vim.REACHABLE, 1)).status == Vim.REACHABLE


async def test_without_a_database_nothing_is_known_and_bad_action_is_never_said(tmp_path: Path) -> None:
    database = tmp_path / "live" / "vimesh.sqlite"
    database.parent.mkdir()
    async with conductor_at(database) as client:
        vim = await client.register()
        shutil.move(database.parent, tmp_path / "away")

        for action_id in (vim.monitor.action_id, "another"):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await client.report(vim, Vim.REACHABLE, action_id=action_id)
            failure = failure_of(failed.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
            assert str(tmp_path) not in failure.message

        shutil.move(tmp_path / "away", database.parent)
        assert (await client.report(vim, Vim.REACHABLE)).status == Vim.REACHABLE


async def test_a_burst_of_3000_reports_is_served_whole(client: Client) -> None:
    vims = [await client.register() for _ in range(30)]

    answers = await asyncio.gather(
        *(client.report(vims[n % 30], Vim.REACHABLE if n % 2 else Vim.UNREACHABLE, n + 1) for n in range(3000))
    )

    assert all(answer.WhichOneof("outcome") == "status" for answer in answers)
    assert {(await client.get(vim.id)).status for vim in vims[1::2]} == {Vim.REACHABLE}
    assert {(await client.get(vim.id)).status for vim in vims[0::2]} == {Vim.UNREACHABLE}


async def test_two_conductors_on_one_database_are_one(tmp_path: Path) -> None:
    database = tmp_path / "vimesh.sqlite"
    async with conductor_at(database) as one, conductor_at(database) as other:
        vim = await one.register()
        assert (await other.report(vim, Vim.REACHABLE, 1)).status == Vim.REACHABLE
        await one.deregister(vim.id)
        assert (await other.report(vim, Vim.REACHABLE, 2)).WhichOneof("outcome") == "bad_action"
