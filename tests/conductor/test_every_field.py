"""What people give of a VIM is kept, shown, changed and compared: field by field, as the contract lists them."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from tests.support.deployments.conductors import Client
from vimesh.cli.client.compare_vims import differences
from vimesh.domain.vims import Engine
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim, VimEvent
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.request_messages import registration
from vimesh.wire.vim_messages import FREE_FORM_FIELDS, INPUT_FIELDS, MODIFIABLE_FIELDS, TEXT_FIELDS


def policy(fall: int) -> ProbePolicy:
    interval, timeout, fail_for = (Duration(seconds=value) for value in (9, 2, 3))
    return ProbePolicy(method=ProbePolicy.TCP, interval=interval, timeout=timeout, fall=fall, rise=2, fail_for=fail_for)


_ODD_VALUES: dict[str, tuple[Any, Any]] = {
    "type": ("openstack", "kubernetes"),
    "auth_url": ("http://10.0.0.1:5000/v3", "http://10.0.0.2:5000/v3"),
    "probe_policy": (policy(fall=2), policy(fall=4)),
    "labels": ({"region": "eu", "example.com/owner": ""}, {"region": "us"}),
}


def two_values(field: str) -> tuple[Any, Any]:
    """Return two values that the field may have, and that are shown as they are given."""
    if field in _ODD_VALUES:
        return _ODD_VALUES[field]
    if field in TEXT_FIELDS:
        return f"{field} 1", f"{field} 2"
    if field in FREE_FORM_FIELDS:
        one, other = Struct(), Struct()
        one.update({"username": "one"})
        other.update({"username": "other"})
        return one, other
    return True, False


def set_field(vim: Vim, field: str, value: Any) -> None:  # noqa: ANN401 - of the field's type
    if isinstance(value, Message):
        getattr(vim, field).CopyFrom(value)
    elif isinstance(value, dict):
        vim.ClearField(field)  # type: ignore[arg-type]  # one of its fields
        getattr(vim, field).update(value)
    else:
        setattr(vim, field, value)


def whole(request_id: str = "") -> pb.RegisterVimRequest:
    request = pb.RegisterVimRequest(request_id=request_id)
    for field in INPUT_FIELDS:
        set_field(request.vim, field, two_values(field)[0])
    return request


def given(vim: Vim) -> dict[str, object]:
    return {field: getattr(vim, field) for field in INPUT_FIELDS}


async def test_each_field_is_shown_as_it_was_registered(client: Client) -> None:
    request = whole()
    alone = (await client.vims.RegisterVim(request, timeout=30)).vim
    await client.deregister(alone.id)
    many = await client.vims.RegisterVims(pb.RegisterVimsRequest(requests=[request]), timeout=30)
    shown = await client.get(many.results[0].registered.vim_id)
    [listed] = (await client.vims.ListVims(pb.ListVimsRequest(), timeout=30)).vims
    events = (await client.vims.ListVimEvents(pb.ListVimEventsRequest(vim_id=shown.id), timeout=30)).events

    assert given(alone) == given(shown) == given(listed) == given(events[-1].vim) == given(request.vim)


@pytest.mark.parametrize("field", MODIFIABLE_FIELDS)
async def test_each_field_is_changed_alone(client: Client, field: str) -> None:
    before = (await client.vims.RegisterVim(whole(), timeout=30)).vim
    change = Vim(id=before.id)
    set_field(change, field, two_values(field)[1])

    request = pb.ModifyVimRequest(vim=change, update_mask=FieldMask(paths=[field]))
    after = (await client.vims.ModifyVim(request, timeout=30)).vim
    events = (await client.vims.ListVimEvents(pb.ListVimEventsRequest(vim_id=after.id), timeout=30)).events

    assert given(after) == {**given(before), field: two_values(field)[1]}
    assert (events[0].kind, list(events[0].changed_fields.paths)) == (VimEvent.MODIFIED, [field])
    assert getattr(events[0].vim, field) == two_values(field)[1]


@pytest.mark.parametrize("field", INPUT_FIELDS)
async def test_a_request_with_another_value_is_no_repeat(client: Client, field: str) -> None:
    request = whole(request_id=str(uuid.uuid4()))
    first = (await client.vims.RegisterVim(request, timeout=30)).vim
    assert (await client.vims.RegisterVim(request, timeout=30)).vim == first

    set_field(request.vim, field, two_values(field)[1])
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.vims.RegisterVim(request, timeout=30)

    assert failure_of(failed.value).reason == "REQUEST_ID_REUSED"


async def test_imports_compare_each_field_but_the_policy(client: Client) -> None:
    shown = (await client.vims.RegisterVim(whole(), timeout=30)).vim

    for field in INPUT_FIELDS:
        request = whole()
        assert differences(registration(request, Engine.EMBEDDED), shown) == []
        set_field(request.vim, field, two_values(field)[1])
        expected = [] if field == "probe_policy" else [field]
        assert differences(registration(request, Engine.EMBEDDED), shown) == expected
