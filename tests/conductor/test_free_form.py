"""Free-form fields come back as they went in, and are judged before they are looked into."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.support.deployments.conductors import Client
from tests.support.timing.cpu_budget import cpu_budget
from vimesh.domain.errors import BadInput
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import ModifyVimRequest
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.free_form import MAX_BYTES, fill, read_values
from vimesh.wire.json_text import MAX_FREE_FORM_DEPTH
from vimesh.wire.limits import MAX_FREE_FORM_VALUES

FIELDS = ("vim_project", "placement_attr", "extra")
_REFUSED_WITHIN_S = 0.2
"""Of CPU. Converting a million values takes ten times as long."""


def structure(value: dict[str, object]) -> Struct:
    return ParseDict(value, Struct())


def nested(levels: int, value: object) -> object:
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None},
        {"a": {}, "b": [], "c": ""},
        {"a": {"b": {"c": [1, 2.5, -0.0, 1e300, True, False, None, "x", {}, [[]], [{"d": []}]]}}, "": 0},
        {"a": [0] * (MAX_FREE_FORM_VALUES - 1)},
        {str(place): None for place in range(MAX_FREE_FORM_VALUES)},
        {"a": "x" * (MAX_BYTES - 9)},
        {"a": "\N{GRINNING FACE}" * ((MAX_BYTES - 9) // 12)},
        {"a": nested(MAX_FREE_FORM_DEPTH - 1, 1)},
    ],
)
async def test_what_is_kept_of_free_form_fields_is_what_was_sent(client: Client, value: dict[str, object]) -> None:
    sent = structure(value)

    vim = await client.get((await client.register(**dict.fromkeys(FIELDS, sent))).id)

    for field in FIELDS:
        assert vim.HasField(field)  # type: ignore[arg-type]  # a field by name
        assert getattr(vim, field) == sent
        assert MessageToDict(getattr(vim, field)) == value
    assert vim.HasField("auth_cred")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [None] * MAX_FREE_FORM_VALUES}, "holds more than 2048 values"),
        ({str(place): None for place in range(MAX_FREE_FORM_VALUES + 1)}, "holds more than 2048 values"),
        ({"a": [[[]] * 1000] * 5}, "holds more than 2048 values"),
        ({"a": [{}] * 60_000}, "holds more than 2048 values"),
        ({"a": "x" * (MAX_BYTES - 8)}, "is longer than 65536 bytes of JSON"),
        ({"a": "\x01" * 11_000}, "is longer than 65536 bytes of JSON"),
        ({"a": [None] * 1_000_000}, "is longer than 65536 bytes of JSON"),
        ({"a": nested(MAX_FREE_FORM_DEPTH, 1)}, "is nested deeper than 16 levels"),
        ({"a": [1.5, float("inf")]}, "contains a number that JSON cannot represent"),
        ({"a": {"b": float("nan")}}, "contains a number that JSON cannot represent"),
    ],
)
def test_what_is_too_much_is_refused_before_it_is_converted(value: dict[str, object], says: str) -> None:
    sent = Struct()
    fill(sent, value)

    for attempt in cpu_budget(_REFUSED_WITHIN_S):
        with attempt, pytest.raises(BadInput, match=f"^vim.extra: {says}$"):
            read_values("vim.extra", sent)


async def test_what_a_request_may_hold_at_most_is_refused_with_the_field(client: Client) -> None:
    extra = Struct()
    # Each takes four bytes on the wire.
    extra.MergeFromString(_list_of_nulls(200_000))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.register(extra=extra)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in failure_of(caught.value).violations] == ["vim.extra"]


def _list_of_nulls(count: int) -> bytes:
    values = b"\x0a\x02\x08\x00" * count
    value = b"\x32" + _length(values) + values
    entry = b"\x0a\x01a\x12" + _length(value) + value
    return b"\x0a" + _length(entry) + entry


def _length(of: bytes) -> bytes:
    size, said = len(of), bytearray()
    while size > 127:
        said.append(size & 127 | 128)
        size >>= 7
    return bytes((*said, size))


@pytest.mark.parametrize(
    "credentials",
    [
        {"": "", "***": "x", "\x01": 1, "\N{GRINNING FACE}": "\ufeff"},
        {"password": {"password": nested(12, {"username": "u"})}, "username": [], "auth_url": {"auth_url": "http://["}},
        {"auth_url": "http://" + "[" * 1000, "oidc_token_url": "\u2100@" * 1000, "ssl_ca_cert": "PRIVATE KEY" * 1000},
        {"username": 1e308, "user_id": -0.0, "cert_verify": None, "region": False},
        {f"key {place}": {"username": "u"} for place in range(1000)},
    ],
)
async def test_any_credentials_can_be_kept_shown_and_sent_back(client: Client, credentials: dict[str, object]) -> None:
    made = await client.register(auth_cred=structure(credentials))

    assert set(MessageToDict(made.auth_cred)) == set(credentials)
    request = ModifyVimRequest(vim=Vim(id=made.id, auth_cred=made.auth_cred))
    changed = (await client.vims.ModifyVim(request, timeout=30)).vim
    assert (changed.auth_cred, changed.etag) == (made.auth_cred, made.etag)
