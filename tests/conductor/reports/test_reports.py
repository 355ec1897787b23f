from __future__ import annotations

import asyncio
import shutil
import uuid
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest

from tests.support.deployments.conductors import Client, conductor_at, report_on
from tests.support.timing.cpu_budget import cpu_budget
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2, vim_service_pb2
from vimesh.wire.error_statuses import DETAILS_KEY, failure_of

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
    stream = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(vim_id=upper, snapshot=True), timeout=30)
    assert [shown.id for shown in (await anext(aiter(stream))).vims] == [vim.id]

    assert (await client.report(vim, Vim.REACHABLE, 1, vim_id=upper)).status == Vim.REACHABLE
    many = pb.UpdateVimsRequest(reports=[report_on(vim, Vim.UNREACHABLE, 2, vim_id=upper)])
    assert (await client.conductor.UpdateVims(many, timeout=30)).outcomes[0].status == Vim.UNREACHABLE
    assert (await client.get(upper)).status == Vim.UNREACHABLE
    change = vim_service_pb2.ModifyVimRequest(vim=Vim(id=upper, name="new"))
    assert (await client.vims.ModifyVim(change, timeout=30)).vim.id == vim.id
    listed = await client.vims.ListVims(vim_service_pb2.ListVimsRequest(filter=f"id = {upper}"), timeout=30)
    assert [shown.name for shown in listed.vims] == ["new"]
    past = await client.vims.ListVimEvents(vim_service_pb2.ListVimEventsRequest(vim_id=upper), timeout=30)
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
        timeout=30,
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


def bad_reports(vim: Vim) -> list[pb.UpdateVimRequest]:
    return [
        pb.UpdateVimRequest(),
        report_on(vim, Vim.PENDING),
        report_on(vim, Vim.REACHABLE, 2**63 - 2**22 + 1),
        report_on(vim, Vim.REACHABLE, 2**64 - 1),
        report_on(vim, Vim.REACHABLE, vim_id="lab", reason="no word"),
        report_on(vim, Vim.REACHABLE, age=Duration(seconds=10**15)),
        report_on(vim, Vim.REACHABLE, round_trip=Duration(seconds=1, nanos=10**9)),
        report_on(vim, Vim.REACHABLE, detail="a\0b"),
    ]


async def test_a_bad_report_is_refused_alone_with_the_status_of_update_vim(client: Client) -> None:
    vims = [await client.register() for _ in range(9)]
    bad, good = bad_reports(vims[0]), [report_on(vim, Vim.UNREACHABLE, 2**63 - 2**22) for vim in vims[1:]]

    mixed = [report for pair in zip(bad, good, strict=True) for report in pair]
    answer = await client.conductor.UpdateVims(pb.UpdateVimsRequest(reports=mixed), timeout=30)

    for report, outcome in zip(bad, answer.outcomes[::2], strict=True):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client.conductor.UpdateVim(report, timeout=30)
        assert failure_of(failed.value).reason == "BAD_INPUT"
        assert outcome.refused.SerializeToString() == dict(failed.value.trailing_metadata() or ())[DETAILS_KEY]
        assert not outcome.HasField("contact_within")
    assert {outcome.status for outcome in answer.outcomes[1::2]} == {Vim.UNREACHABLE}
    assert [(await client.get(vim.id)).status for vim in vims] == [Vim.PENDING, *[Vim.UNREACHABLE] * 8]


async def test_of_a_thousand_bad_reports_only_the_first_hear_all_that_is_wrong(client: Client) -> None:
    """To put it into words costs more than to find it."""
    vim = await client.register()
    bad = pb.UpdateVimsRequest(reports=[pb.UpdateVimRequest(reason="no word") for _ in range(999)])
    bad.reports.append(report_on(vim, Vim.REACHABLE))

    answer = await client.conductor.UpdateVims(bad, timeout=30)

    assert [outcome.WhichOneof("outcome") for outcome in answer.outcomes] == [*["refused"] * 999, "status"]
    refusals = [BadRequest.FromString(outcome.refused.details[1].value) for outcome in answer.outcomes[:-1]]
    assert [len(refusal.field_violations) for refusal in refusals] == [4] * 20 + [1] * 979
    assert answer.ByteSize() < 1024 * 1024


async def test_a_contact_in_capitals_is_judged_alone_and_recorded(client: Client) -> None:
    vims = [await client.register() for _ in range(3)]
    reports = [report_on(vim, Vim.REACHABLE, 1, vim_id=vim.id.upper()) for vim in vims]

    answer = await client.conductor.UpdateVims(pb.UpdateVimsRequest(reports=reports), timeout=30)

    assert [outcome.status for outcome in answer.outcomes] == [Vim.REACHABLE] * 3


@pytest.mark.parametrize("count", [0, 1001, 2_000_000])
async def test_a_call_has_one_to_a_thousand(client: Client, count: int) -> None:
    many = b"\x0a\x00" * count
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(
        "/vimesh.v1.ConductorService/UpdateVims"
    )

    for attempt in cpu_budget(0.1):  # to parse two million takes 0.2 s, to judge them 100 s
        with attempt, pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(many, timeout=30)

        assert [violation.field for violation in failure_of(failed.value).violations] == ["reports"]


async def test_a_new_auth_url_fences_the_old_action_at_once(client: Client) -> None:
    vim = await client.register()
    await client.report(vim, Vim.REACHABLE, 5)

    changed = (
        await client.vims.ModifyVim(
            vim_service_pb2.ModifyVimRequest(vim=Vim(id=vim.id, auth_url="http://127.0.0.2:5000/v3")), timeout=30
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
