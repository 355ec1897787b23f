"""Free-form fields come back as they went in."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.support.conductors import Client

FIELDS = ("vim_project", "placement_attr", "extra")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None},
        {"a": {}, "b": [], "c": ""},
        {"a": {"b": {"c": [1, 2.5, -0.0, 1e300, True, False, None, "x", {}, [[]], [{"d": []}]]}}, "": 0},
    ],
)
async def test_what_is_kept_of_free_form_fields_is_what_was_sent(client: Client, value: dict[str, object]) -> None:
    sent = ParseDict(value, Struct())

    vim = await client.get((await client.register(**dict.fromkeys(FIELDS, sent))).id)

    for field in FIELDS:
        assert vim.HasField(field)  # type: ignore[arg-type]  # a field by name
        assert getattr(vim, field) == sent
        assert MessageToDict(getattr(vim, field)) == value
    assert vim.HasField("auth_cred")
