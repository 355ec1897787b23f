"""Watching, listing and summarizing the VIMs that match a filter, over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tests.conductor.watches.watching import Kind, Vim, begun, events, watch
from tests.support.deployments.conductors import Client
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of

_EU_DOWN = 'labels.region = "eu" AND status != REACHABLE'


async def test_a_watch_with_a_filter_shows_what_matches_and_what_ceases_to(client: Client) -> None:
    up, down, elsewhere = [
        await client.register(name=name, labels={"region": region})
        for name, region in (("up", "eu"), ("down", "eu"), ("elsewhere", "us"))
    ]
    await client.report(up, Vim.REACHABLE, 1)
    await client.report(down, Vim.UNREACHABLE, 1, reason="TIMEOUT")
    stream = watch(client, filter=_EU_DOWN, snapshot=True, read_mask=FieldMask(paths=["name", "status"]))
    snapshot = await begun(stream)

    await client.report(elsewhere, Vim.UNREACHABLE, 1)
    await client.report(up, Vim.UNREACHABLE, 2, reason="REFUSED")
    await client.report(down, Vim.REACHABLE, 2)
    await client.report(down, Vim.UNKNOWN, 3)
    await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=up.id, labels={"region": "us"})), timeout=5)
    await client.report(up, Vim.REACHABLE, 3)
    await client.deregister(elsewhere.id)
    await client.deregister(down.id)

    assert [vim for message in snapshot for vim in message.vims] == [Vim(name="down", status=Vim.UNREACHABLE)]
    seen = await events(stream, lambda seen: seen[-1:] != [] and seen[-1].kind == Kind.DEREGISTERED)
    assert [(event.vim_id, Kind.Kind.Name(event.kind), event.filtered_out) for event in seen] == [
        (up.id, "STATUS_CHANGED", False),
        (down.id, "STATUS_CHANGED", True),
        (down.id, "STATUS_CHANGED", False),
        (up.id, "MODIFIED", True),
        (down.id, "DEREGISTERED", False),
    ]
    assert seen[3].vim == Vim(name="up", status=Vim.UNREACHABLE)


async def test_a_watch_of_one_vim_may_have_a_filter(client: Client) -> None:
    vim = await client.register()
    stream = watch(client, vim_id=vim.id, filter="status = UNREACHABLE", snapshot=True)

    [first] = await begun(stream)
    assert not first.vims
    await client.report(vim, Vim.REACHABLE, 1)
    await client.report(vim, Vim.UNREACHABLE, 2)
    [event] = await events(stream, bool)
    assert event.status == Vim.UNREACHABLE


async def test_past_changes_are_listed_by_what_they_led_to(client: Client) -> None:
    eu, us = [await client.register(labels={"region": region}) for region in ("eu", "us")]
    for vim in (eu, us):
        await client.report(vim, Vim.REACHABLE, 1)
        await client.report(vim, Vim.UNREACHABLE, 2, reason="TIMEOUT")
        await client.report(vim, Vim.REACHABLE, 3)
    await client.deregister(eu.id)

    async def listed(text: str, **fields: object) -> list[tuple[str, str]]:
        found, token = [], ""
        while True:
            request = pb.ListVimEventsRequest(filter=text, page_token=token, **fields)  # type: ignore[arg-type]  # fields by name
            page = await client.vims.ListVimEvents(request, timeout=5)
            found += [(event.vim_id, Kind.Kind.Name(event.kind)) for event in page.events]
            token = page.next_page_token
            if not token:
                return found

    assert await listed("reason = TIMEOUT") == [(us.id, "STATUS_CHANGED"), (eu.id, "STATUS_CHANGED")]
    # What a deregistered VIM was at last is known from the log.
    assert await listed("labels.region = eu AND status = UNREACHABLE") == [(eu.id, "STATUS_CHANGED")]
    assert await listed("labels.region = eu", page_size=2) == [
        (eu.id, "DEREGISTERED"),
        *([(eu.id, "STATUS_CHANGED")] * 3),
        (eu.id, "REGISTERED"),
    ]
    assert await listed("labels.region = eu", vim_id=us.id) == []


async def test_only_the_fields_of_a_mask_are_shown(client: Client) -> None:
    vim = await client.register(name="a", labels={"region": "eu"})
    mask = FieldMask(paths=["id", "labels", "monitor.state", "monitor.engine", "probe_policy"])
    expected = Vim(id=vim.id, labels=vim.labels, probe_policy=vim.probe_policy)
    expected.monitor.state, expected.monitor.engine = vim.monitor.state, vim.monitor.engine

    read = await client.vims.GetVim(pb.GetVimRequest(vim_id=vim.id, read_mask=mask), timeout=5)
    listed = await client.vims.ListVims(pb.ListVimsRequest(read_mask=mask), timeout=5)
    assert [read.vim, *listed.vims] == [expected, expected]
    for paths in (["*"], ["name", "*"], []):
        request = pb.GetVimRequest(vim_id=vim.id, read_mask=FieldMask(paths=paths))
        assert (await client.vims.GetVim(request, timeout=5)).vim == vim


async def test_a_mask_names_fields_of_a_vim(client: Client) -> None:
    for paths in (["colour"], ["name.first"], ["monitor."], [""], ["labels.region"]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.vims.ListVims(pb.ListVimsRequest(read_mask=FieldMask(paths=paths)), timeout=5)
        [violation] = failure_of(refused.value).violations
        assert violation.field == "read_mask"


async def test_vims_are_summarized(client: Client) -> None:
    for name, labels, status in (
        ("a", {"region": "eu"}, Vim.REACHABLE),
        ("b", {"region": "eu"}, Vim.UNREACHABLE),
        ("c", {"region": ""}, Vim.UNKNOWN),
        ("d", {}, None),
    ):
        vim = await client.register(name=name, labels=labels)
        if status:
            await client.report(vim, status, 1)

    summary = await client.vims.SummarizeVims(pb.SummarizeVimsRequest(group_by=["labels.region"]), timeout=5)
    assert summary == pb.SummarizeVimsResponse(
        groups=[
            pb.VimGroup(
                values=[pb.VimGroupValue(value="eu")],
                counts=pb.VimStatusCounts(total=2, reachable=1, unreachable=1),
            ),
            pb.VimGroup(values=[pb.VimGroupValue()], counts=pb.VimStatusCounts(total=1, pending=1)),
            pb.VimGroup(values=[pb.VimGroupValue(value="")], counts=pb.VimStatusCounts(total=1, unknown=1)),
        ],
        total=pb.VimStatusCounts(total=4, pending=1, reachable=1, unreachable=1, unknown=1),
    )
    some = await client.vims.SummarizeVims(pb.SummarizeVimsRequest(filter=_EU_DOWN), timeout=5)
    assert some.total == pb.VimStatusCounts(total=1, unreachable=1)
    for fields in (["name"], ["labels."], ["status", "status"], ["labels.a", "labels.b", "labels.c", "status"]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.vims.SummarizeVims(pb.SummarizeVimsRequest(group_by=fields), timeout=5)
        assert failure_of(refused.value).reason == "BAD_INPUT"


async def test_a_filter_that_cannot_be_read_says_where_at_each_door(client: Client) -> None:
    text = "status = REACHABLE AND colour = red"
    calls = (
        client.vims.ListVims(pb.ListVimsRequest(filter=text), timeout=5),
        client.vims.ListVimEvents(pb.ListVimEventsRequest(filter=text), timeout=5),
        client.vims.SummarizeVims(pb.SummarizeVimsRequest(filter=text), timeout=5),
        begun(watch(client, filter=text)),
    )
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        failure = failure_of(refused.value)
        assert (failure.reason, failure.metadata) == ("BAD_INPUT", {"position": "23"})
