"""Labels over the wire: their bounds, the paths that change one of them, and their form in JSON."""

from __future__ import annotations

import json
import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tests.support.deployments.conductors import Client
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.limits import MAX_BATCH_VALUES

MANY = {f"k{number}": "" for number in range(65)}


async def modify(client: Client, vim_id: str, labels: dict[str, str], *paths: str) -> dict[str, str]:
    request = pb.ModifyVimRequest(vim=Vim(id=vim_id, labels=labels), update_mask=FieldMask(paths=paths))
    return dict((await client.vims.ModifyVim(request, timeout=30)).vim.labels)


def request(labels: dict[str, str]) -> pb.RegisterVimRequest:
    name = f"vim-{uuid.uuid4()}"
    return pb.RegisterVimRequest(vim=Vim(name=name, type="openstack", auth_url="http://192.0.2.1/", labels=labels))


async def test_a_path_changes_one_label_and_no_path_replaces_all(client: Client) -> None:
    vim = await client.register(labels={"region": "eu", "example.com/owner": "nfv", "old": "1"})

    after = await modify(
        client, vim.id, {"region": "us", "ignored": "1"}, "labels.region", "labels.old", "labels.absent"
    )
    assert after == {"region": "us", "example.com/owner": "nfv"}
    assert await modify(client, vim.id, {"example.com/owner": "ops"}, "labels.example.com/owner") == {
        "region": "us",
        "example.com/owner": "ops",
    }
    assert await modify(client, vim.id, {"tier": "1"}) == {"tier": "1"}
    assert await modify(client, vim.id, {}, "description") == {"tier": "1"}
    assert await modify(client, vim.id, {}, "labels") == {}


@pytest.mark.parametrize(
    ("labels", "paths", "field"),
    [
        (MANY, ["labels"], "vim.labels"),
        ({"a b": ""}, ["labels"], "vim.labels"),
        ({"region": "a b"}, ["labels"], "vim.labels.region"),
        ({"region": "a b"}, ["labels.region"], "vim.labels.region"),
        ({}, ["labels.-"], "update_mask"),
        ({}, ["labels."], "update_mask"),
        ({}, [f"labels.{'a' * 400}"], "update_mask"),
    ],
)
async def test_wrong_labels_are_refused(client: Client, labels: dict[str, str], paths: list[str], field: str) -> None:
    vim = await client.register(labels={"region": "eu"})

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await modify(client, vim.id, labels, *paths)

    failure = failure_of(failed.value)
    assert failure.reason == "BAD_INPUT"
    assert field in (failed.value.details() or "")
    assert (await client.get(vim.id)).labels == {"region": "eu"}
    if labels:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client.vims.RegisterVim(request(labels), timeout=30)
        assert failure_of(failed.value).reason == "BAD_INPUT"


async def test_the_longest_key_can_be_named_in_a_mask(client: Client) -> None:
    key = f"{'.'.join(['d' * 62] * 4)}a/{'n' * 63}"
    vim = await client.register()

    assert await modify(client, vim.id, {key: "1"}, f"labels.{key}") == {key: "1"}


async def test_labels_count_against_the_values_of_a_batch(client: Client) -> None:
    labels = {f"k{number}": "" for number in range(64)}
    fitting = MAX_BATCH_VALUES // 64

    batch = pb.RegisterVimsRequest(requests=[request(labels) for _ in range(fitting + 1)])
    results = (await client.vims.RegisterVims(batch, timeout=30)).results

    assert [result.WhichOneof("outcome") for result in results] == ["registered"] * fitting + ["refused"]


def as_json(vim: dict[str, Any], **others: object) -> bytes:
    return json.dumps({"vim": vim, **others}).encode()


async def test_labels_in_json(client: Client) -> None:
    registered = pb.RegisterVimJsonRequest()
    registered.request.data = as_json(
        {"name": "j", "type": "openstack", "auth_url": "http://192.0.2.1/", "labels": {"region": "eu", "tier": "1"}}
    )
    vim = (await client.vims.RegisterVimJson(registered, timeout=30)).vim
    assert vim.labels == {"region": "eu", "tier": "1"}

    changed = pb.ModifyVimJsonRequest(vim_id=vim.id)
    changed.request.data = as_json({"labels": {"region": "us"}}, updateMask="labels.region,labels.tier")
    assert (await client.vims.ModifyVimJson(changed, timeout=30)).vim.labels == {"region": "us"}

    for wrong in ({"labels": MANY}, {"labels": {"a": 1}}, {"labels": {"a b": ""}}, {"labels": ["a"]}):
        changed.request.data = as_json(wrong)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client.vims.ModifyVimJson(changed, timeout=30)
        assert failure_of(failed.value).reason == "BAD_INPUT"
