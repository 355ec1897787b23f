"""Many VIMs are read, changed and removed by their ids or by a filter, and nothing is half done without saying so."""

from __future__ import annotations

import json
import uuid

import grpc
import pytest
from google.api import httpbody_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from tests.support.deployments.conductors import Client
from vimesh.domain.bulk.bulk_store import MAX_CHANGES
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.wire.error_statuses import failure_of

NOBODY = "00000000-0000-4000-8000-000000000000"


def reason_of(status: Status) -> str:
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)


async def registered(client: Client, count: int) -> list[str]:
    requests = [
        pb.RegisterVimRequest(
            vim=Vim(name=f"vim-{uuid.uuid4()}", type="openstack", auth_url="http://192.0.2.1/", labels={"region": "eu"})
        )
        for _ in range(count)
    ]
    results = (await client.vims.RegisterVims(pb.RegisterVimsRequest(requests=requests), timeout=30)).results
    return [result.registered.vim_id for result in results]


def to_us(**choice: object) -> pb.ModifyVimsRequest:
    mask = FieldMask(paths=["labels.region"])
    return pb.ModifyVimsRequest(vim=Vim(labels={"region": "us"}), update_mask=mask, **choice)  # type: ignore[arg-type]


async def regions(client: Client) -> list[str]:
    vims = (await client.vims.ListVims(pb.ListVimsRequest(page_size=1000), timeout=30)).vims
    return [vim.labels["region"] for vim in vims]


def as_json(content: object) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(content).encode())


async def test_many_vims_are_changed_and_removed_by_json(client: Client) -> None:
    ids = [(await client.register(labels={"region": "eu"})).id for _ in range(2)]
    change = {"filter": "labels.region = eu", "vim": {"labels": {"region": "us"}}, "updateMask": "labels.region"}

    changed = await client.vims.ModifyVimsJson(pb.ModifyVimsJsonRequest(request=as_json(change)), timeout=30)
    assert [(one.vim_id, one.HasField("refused")) for one in changed.results] == [(vim_id, False) for vim_id in ids]
    assert {(await client.get(vim_id)).labels["region"] for vim_id in ids} == {"us"}
    for check in (True, False):
        removal = as_json({"vim_ids": ids, "validate_only": check})
        removed = await client.vims.DeregisterVimsJson(pb.DeregisterVimsJsonRequest(request=removal), timeout=30)
        assert [(one.vim_id, one.HasField("refused")) for one in removed.results] == [(vim_id, False) for vim_id in ids]
    removed = await client.vims.DeregisterVimsJson(pb.DeregisterVimsJsonRequest(request=removal), timeout=30)
    assert [one.refused.code for one in removed.results] == [grpc.StatusCode.NOT_FOUND.value[0]] * 2


@pytest.mark.parametrize("wrong", [{}, {"filter": "type = openstack", "vim_ids": [NOBODY]}, {"filtre": "x"}, [], "x"])
async def test_wrong_json_for_many_vims_is_refused(client: Client, wrong: object) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as modify:
        await client.vims.ModifyVimsJson(pb.ModifyVimsJsonRequest(request=as_json(wrong)), timeout=30)
    with pytest.raises(grpc.aio.AioRpcError) as deregister:
        await client.vims.DeregisterVimsJson(pb.DeregisterVimsJsonRequest(request=as_json(wrong)), timeout=30)

    assert [failure_of(each.value).reason for each in (modify, deregister)] == ["BAD_INPUT"] * 2


async def test_vims_are_got_by_their_ids(client: Client) -> None:
    one, other = await registered(client, 2)

    request = pb.BatchGetVimsRequest(vim_ids=[other.upper(), NOBODY, one])
    results = (await client.vims.BatchGetVims(request, timeout=30)).results

    assert [result.vim.id for result in results] == [other, "", one]
    assert reason_of(results[1].refused) == "VIM_NOT_FOUND"


async def test_vims_are_changed_and_removed_by_their_ids(client: Client) -> None:
    one, other, last = await registered(client, 3)

    changed = await client.vims.ModifyVims(to_us(vim_ids=[one.upper(), NOBODY]), timeout=30)
    removed = await client.vims.DeregisterVims(pb.DeregisterVimsRequest(vim_ids=[NOBODY, other]), timeout=30)

    assert [(result.vim_id, bool(result.name)) for result in changed.results] == [(one, True), (NOBODY, False)]
    assert [result.HasField("refused") for result in changed.results] == [False, True]
    assert reason_of(changed.results[1].refused) == "VIM_NOT_FOUND"
    assert [(result.vim_id, result.HasField("refused")) for result in removed.results] == [
        (NOBODY, True),
        (other, False),
    ]
    assert (changed.next_page_token, removed.next_page_token) == ("", "")
    assert (await client.get(one)).labels == {"region": "us"}
    assert (await client.get(last)).labels == {"region": "eu"}
    assert other not in [vim.id for vim in (await client.vims.ListVims(pb.ListVimsRequest(), timeout=30)).vims]


async def test_a_filter_changes_all_that_match_in_calls_that_say_whether_there_are_more(client: Client) -> None:
    count = MAX_CHANGES + 20
    ids = await registered(client, count)
    untouched = await client.register(type="kubernetes", labels={"region": "eu"})

    chosen, done = "type = openstack", list[pb.ModifyVimsResponse]()
    while not done or done[-1].next_page_token:
        token = done[-1].next_page_token if done else ""
        done.append(await client.vims.ModifyVims(to_us(filter=chosen, page_token=token), timeout=30))
        assert (await regions(client)).count("us") == min(count, len(done) * MAX_CHANGES)
    assert [result.vim_id for call in done for result in call.results] == ids

    gone = list[pb.DeregisterVimsResponse]()
    while not gone or gone[-1].next_page_token:
        token = gone[-1].next_page_token if gone else ""
        request = pb.DeregisterVimsRequest(filter=chosen, page_token=token)
        gone.append(await client.vims.DeregisterVims(request, timeout=30))
    assert [result.vim_id for call in gone for result in call.results] == ids
    assert (len(done), len(gone)) == (2, 2)
    assert [vim.id for vim in (await client.vims.ListVims(pb.ListVimsRequest(), timeout=30)).vims] == [untouched.id]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ModifyVimsRequest(vim=Vim(description="d")), "vim_ids"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], filter="type = openstack", vim=Vim(description="d")), "vim_ids"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY] * (MAX_CHANGES + 1), vim=Vim(description="d")), "vim_ids"),
        (pb.ModifyVimsRequest(vim_ids=["no id"], vim=Vim(description="d")), "vim_ids[0]"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY]), "vim"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], vim=Vim(name="n")), "vim.name"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], vim=Vim(is_default=True)), "vim.is_default"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], update_mask=FieldMask(paths=["*"])), "vim.is_default"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], vim=Vim(id=NOBODY, description="d")), "vim.id"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], vim=Vim(etag="e", description="d")), "vim.etag"),
        (pb.ModifyVimsRequest(vim_ids=[NOBODY], vim=Vim(project_id="p", description="d")), "vim.project_id"),
        (pb.ModifyVimsRequest(filter="nothing", vim=Vim(description="d")), "filter"),
        (pb.ModifyVimsRequest(filter="type = openstack", page_token="x", vim=Vim(description="d")), "page_token"),
        (pb.DeregisterVimsRequest(), "vim_ids"),
        (pb.DeregisterVimsRequest(filter="nothing"), "filter"),
        (pb.DeregisterVimsRequest(filter=" \t"), "filter"),
        (pb.BatchGetVimsRequest(), "vim_ids"),
        (pb.BatchGetVimsRequest(vim_ids=[NOBODY] * 501), "vim_ids"),
    ],
)
async def test_a_call_that_breaks_a_rule_does_nothing(
    client: Client, request_: pb.ModifyVimsRequest | pb.DeregisterVimsRequest | pb.BatchGetVimsRequest, field: str
) -> None:
    await registered(client, 1)
    method = type(request_).__name__.removesuffix("Request")

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await getattr(client.vims, method)(request_, timeout=30)

    failure = failure_of(failed.value)
    assert (failure.reason, failure.violations[0].field) == ("BAD_INPUT", field)
    assert await regions(client) == ["eu"]


async def test_an_engine_that_is_not_served_changes_nothing(client: Client) -> None:
    [vim_id] = await registered(client, 1)

    request = pb.ModifyVimsRequest(vim_ids=[vim_id], vim=Vim(description="d"), engine=Monitor.MISTRAL)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.vims.ModifyVims(request, timeout=30)

    assert failure_of(failed.value).reason == "ENGINE_NOT_SERVED"
    assert (await client.get(vim_id)).description == ""


async def test_what_is_only_validated_is_answered_and_not_done(client: Client) -> None:
    [vim_id] = await registered(client, 1)
    before = await client.get(vim_id)
    new = Vim(name="new", type="openstack", auth_url="http://192.0.2.1/", labels={"region": "us"})

    made = (await client.vims.RegisterVim(pb.RegisterVimRequest(vim=new, validate_only=True), timeout=30)).vim
    change = Vim(id=vim_id, description="d")
    changed = (await client.vims.ModifyVim(pb.ModifyVimRequest(vim=change, validate_only=True), timeout=30)).vim
    await client.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim_id, validate_only=True), timeout=30)
    many = await client.vims.ModifyVims(to_us(vim_ids=[vim_id, NOBODY], validate_only=True), timeout=30)
    removal = pb.DeregisterVimsRequest(filter="type = openstack", validate_only=True)
    gone = await client.vims.DeregisterVims(removal, timeout=30)

    assert (made.name, made.labels["region"], changed.description) == ("new", "us", "d")
    assert [result.HasField("refused") for result in (*many.results, *gone.results)] == [False, True, False]
    assert [vim.id for vim in (await client.vims.ListVims(pb.ListVimsRequest(), timeout=30)).vims] == [vim_id]
    assert await client.get(vim_id) == before
    taken = Vim(name=before.name, type="openstack", auth_url="http://192.0.2.1/")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.vims.RegisterVim(pb.RegisterVimRequest(vim=taken, validate_only=True), timeout=30)
    assert failure_of(failed.value).reason == "NAME_TAKEN"
    batch = pb.RegisterVimsRequest(requests=[pb.RegisterVimRequest(vim=new, validate_only=True)])
    [result] = (await client.vims.RegisterVims(batch, timeout=30)).results
    assert "validate_only" in result.refused.message
