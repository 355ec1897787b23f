"""Requests as JSON text: what is read, what is refused, and at which cost."""

from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import MessageToDict

from tests.support.timing.cpu_budget import cpu_budget
from vimesh.domain.errors import BadInput
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.json_requests import parse_json_request
from vimesh.wire.limits import MAX_JSON_BYTES

_WITHIN_S = 0.4
"""Of CPU: half of it is what the largest text takes. Node by node it would be seconds."""


def read(text: str | bytes) -> pb.RegisterVimRequest:
    return parse_json_request(text.encode() if isinstance(text, str) else text, pb.RegisterVimRequest())


def filled(before: str, unit: str, after: str) -> str:
    """Repeat a unit until the text is as long as it may be."""
    return before + unit * ((MAX_JSON_BYTES - len(before) - len(after)) // len(unit)) + after


def test_a_request_is_read_in_either_spelling() -> None:
    extra = {"rack": [1, "b", {"c": None}], "": {}}
    for spelling in ("vim_project", "vimProject"):
        request = read(json.dumps({"vim": {"name": "lab", spelling: {}, "extra": extra, "placement_attr": None}}))

        assert request.vim.name == "lab"
        assert MessageToDict(request.vim.extra) == extra
        assert request.vim.HasField("vim_project")
        assert not request.vim.HasField("placement_attr")


def test_a_mask_is_read() -> None:
    request = parse_json_request(b'{"vim": {"extra": {}}, "update_mask": "authUrl,extra"}', pb.ModifyVimRequest())

    assert list(request.update_mask.paths) == ["auth_url", "extra"]
    assert request.vim.HasField("extra")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "request: is not JSON: Expecting value"),
        ('{"vim": ', "request: is not JSON: Expecting value: line 1 column 9"),
        (b'{"vim": {"name": "\xff"}}', "request: is not JSON: 'utf-8' codec can't decode byte 0xff in position 18"),
        ("[]", "request: must be a JSON object"),
        ("1", "request: must be a JSON object"),
        ('{"vim": {"name": "a", "name": "b"}}', "request: holds the name 'name' twice in one object"),
        ('{"vim": {"extra": {"a": {"b": 1, "c": 2, "b": 1}}}}', "request: holds the name 'b' twice in one object"),
        ('{"vim": {"vim_project": {}, "vimProject": {}}}', "vim.vim_project: is given in two spellings"),
        ('{"vim": {"extra": []}}', "vim.extra: must be a JSON object"),
        ('{"vim": {"extra": {"a": NaN}}}', "request: holds NaN, which is not a number"),
        ('{"vim": {"extra": {"a": -Infinity}}}', "request: holds -Infinity, which is not a number"),
        ('{"vim": {"extra": {"a": 1e999}}}', "vim.extra: contains a number that JSON cannot represent"),
        ('{"vim": {"extra": {"a": 1%s}}}' % ("0" * 400), "vim.extra: contains a number that JSON cannot represent"),
        ('{"vim": {"extra": {"a": 1%s}}}' % ("0" * 100_000), "request: holds a number with too many digits"),
        ('{"vim": {"probe_policy": {"fall": 1%s}}}' % ("0" * 400), "request: Failed to parse vim field"),
        ('{"vim": {"probe_policy": {"fall": 1e999}}}', "request: Failed to parse vim field"),
        ('{"vim": {"round_trip": "%ss"}}' % ("9" * 5000), "request: Failed to parse vim field"),
        ('{"vim": {"name": "\\ud800"}}', "request: contains half of a surrogate pair"),
        ('{"engine": "\\udfff"}', "request: contains half of a surrogate pair"),
        ('{"vim": {"extra": {"\\ud83d": 1}}}', "request: contains half of a surrogate pair"),
        ('{"vim": {"auth_ulr": 1}}', 'request: .* has no field named "auth_ulr"'),
        ('{"force": true}', 'request: .* has no field named "force"'),
        ('{"vim": {"name": 7}}', "request: Failed to parse vim field: Failed to parse name field"),
    ],
)
def test_what_is_wrong_is_said(text: str | bytes, says: str) -> None:
    with pytest.raises(BadInput, match=f"^{says}"):
        read(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * MAX_JSON_BYTES, "request: is nested too deeply"),
        ('{"a":' * (MAX_JSON_BYTES // 5), "request: is nested too deeply"),
        (filled("[", "0,", "0]"), "request: must be a JSON object"),
        (filled('{"vim":{"extra":{"a":[', "{},", "{}]}}}"), "vim.extra: holds more than 2048 values"),
        (filled('{"vim":{"extra":{"a":[', "null,", "1]}}}"), "vim.extra: holds more than 2048 values"),
        (filled('{"vim":{"extra":{"a":[', "1e5,", "1]}}}"), "vim.extra: holds more than 2048 values"),
        (
            filled('{"vim":{"extra":{"a":[', "9" * 4000 + ",", "1]}}}"),
            "vim.extra: contains a number that JSON cannot represent",
        ),
        (filled('{"vim":{"name":[', "[],", "1]}}"), "request: Failed to parse vim field"),
        (filled('{"update_mask":"', "a,", '"}'), "update_mask: longer than 1024 characters"),
        (filled('{"vim":{"create_time":"', "9", 'Z"}}'), "request: Failed to parse vim field"),
        ("{" + ",".join(f'"{place:x}":0' for place in range(50_000)) + "}", "request: .* has no field named"),
        ("{" + ",".join(f'"{place:x}":0' for place in (*range(50_000), 7)) + "}", "request: holds the name '7' twice"),
        (" " * (MAX_JSON_BYTES + 1), "request: longer than 524288 bytes"),
    ],
)
def test_the_largest_texts_are_refused_at_little_cost(text: str, says: str) -> None:
    assert len(text) > MAX_JSON_BYTES * 0.8

    for attempt in cpu_budget(_WITHIN_S):
        with attempt, pytest.raises(BadInput, match=f"^{says}"):
            read(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 4000,
        '{"vim":{"description":"aaaa',
        '{"vim":{"a\\ud800":1}}',
        '{"vim":{"name":7}}',
        '{"a":1,"a":2}',
        "\xff",
    ],
)
def test_a_refusal_does_not_hang_on_an_error_that_holds_the_text(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(text.encode("latin-1"))

    assert caught.value.__context__ is None
