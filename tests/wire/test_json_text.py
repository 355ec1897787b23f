"""JSON from outside is taken as protobuf can say it, or refused in words."""

from __future__ import annotations

import pytest

from vimesh.wire.json_text import MAX_FREE_FORM_DEPTH, NotTaken, exceeded_bound, parse_object
from vimesh.wire.limits import MAX_FREE_FORM_VALUES


def nested(levels: int, value: object) -> object:
    for _ in range(levels):
        value = [value]
    return value


def test_an_object_is_read() -> None:
    assert parse_object(b'{"a": [1, -2.5, "\\ud83d\\ude00", null], "": {}}') == {
        "a": [1, -2.5, "\U0001f600", None],
        "": {},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"password": s3cret}', "is not JSON: Expecting value: line 1 column 14 (char 13)"),
        (b'{"password": "s3cret', "is not JSON: Unterminated string starting at: line 1 column 14 (char 13)"),
        (b"{} {}", "is not JSON: Extra data: line 1 column 4 (char 3)"),
        (b"\xff", "is not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"null", "must be a JSON object"),
        (b'{"a": 1, "a": 1}', "holds the name 'a' twice in one object"),
        (b'{"a": [NaN]}', "holds NaN, which is not a number"),
        (b'{"a": "\\udfff"}', "contains half of a surrogate pair, which is not text"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a": ' * 100_000, "is nested too deeply"),
        (b'{"a": 1' + b"0" * 100_000 + b"}", "holds a number with too many digits"),
    ],
)
def test_what_is_no_object_is_refused(text: bytes, says: str) -> None:
    with pytest.raises(NotTaken) as caught:
        parse_object(text)

    assert str(caught.value) == says
    # It would hold the text.
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, ""),
        ({"a": [None] * (MAX_FREE_FORM_VALUES - 1)}, ""),
        ({"a": nested(MAX_FREE_FORM_DEPTH - 1, 10**308)}, ""),
        ({"a": [None] * MAX_FREE_FORM_VALUES}, "holds more than 2048 values"),
        ({"a": [[[]] * 1000] * 3}, "holds more than 2048 values"),
        ({"a": nested(MAX_FREE_FORM_DEPTH, 1)}, "is nested deeper than 16 levels"),
        ({"a": nested(900, 1)}, "is nested deeper than 16 levels"),
        ({"a": float("inf")}, "contains a number that JSON cannot represent"),
        ({"a": [10**400]}, "contains a number that JSON cannot represent"),
    ],
)
def test_what_is_too_much_for_a_field_is_said(value: dict[str, object], says: str) -> None:
    assert exceeded_bound(value) == says
