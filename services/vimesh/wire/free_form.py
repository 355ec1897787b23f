"""Converts free-form fields to plain values and back, within bounds on size, depth and number of values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final

from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

from vimesh.domain.credential_masks import MaskedValues
from vimesh.domain.errors import BadInput, Violation
from vimesh.wire.json_text import MAX_FREE_FORM_DEPTH
from vimesh.wire.limits import MAX_FREE_FORM_VALUES

MAX_BYTES: Final = 64 * 1024
"""Maximum size of each field as JSON: a CA bundle fits, a file system does not."""
# A number takes 11 bytes on the wire and at least 5 as JSON, a list in a list 8 and 4; every other ratio is lower.
_MAX_WIRE_BYTES: Final = 4 * MAX_BYTES
_LONGEST_ESCAPE: Final = 6
"""Maximum number of bytes of JSON for one byte on the wire."""


def read_values(field: str, struct: Struct) -> dict[str, object]:
    """Return the values in a field. Raises BadInput, which names the field."""
    size = struct.ByteSize()
    if size > _MAX_WIRE_BYTES:
        raise _too_long(field)
    values = _Reader(field).values(struct.fields)
    # Most fields are so short on the wire that their JSON cannot be too long: only the others need to be measured.
    if (_LONGEST_ESCAPE + 2) * size > MAX_BYTES and len(json.dumps(values)) > MAX_BYTES:
        raise _too_long(field)
    return values


def fill(struct: Struct, values: Mapping[str, object]) -> None:
    """Write the values of a field into an existing message."""
    # An empty field must be present as well, but `update` without values would leave it absent.
    struct.SetInParent()
    if not isinstance(values, MaskedValues):
        _fill_fields(struct.fields, values)
        return
    if not hasattr(values, "serialized"):
        whole = Struct()
        _fill_fields(whole.fields, values)
        values.serialized = whole.SerializeToString()
    struct.MergeFromString(values.serialized)


def _fill_fields(fields: MutableMapping[str, Value], values: Mapping[str, object]) -> None:
    for name, value in values.items():
        _fill_value(fields[name], value)


def _fill_value(message: Value, value: object) -> None:
    # `Struct.update` takes twice as long, and such values are most of what a page of large VIMs costs.
    if isinstance(value, str):
        message.string_value = value
    elif value is None:
        message.null_value = NULL_VALUE
    elif isinstance(value, dict):
        if value:
            _fill_fields(message.struct_value.fields, value)
        else:
            message.struct_value.SetInParent()
    elif isinstance(value, list):
        if not value:
            message.list_value.SetInParent()
        add = message.list_value.values.add
        for inner in value:
            _fill_value(add(), inner)
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    else:
        raise TypeError(f"{type(value).__name__} is not a type of JSON")


def _too_long(field: str) -> BadInput:
    return BadInput(Violation(field, f"is longer than {MAX_BYTES} bytes of JSON"))


def _too_many(field: str) -> BadInput:
    return BadInput(Violation(field, f"holds more than {MAX_FREE_FORM_VALUES} values"))


def _too_deep(field: str) -> BadInput:
    return BadInput(Violation(field, f"is nested deeper than {MAX_FREE_FORM_DEPTH} levels"))


def _no_number(field: str) -> BadInput:
    return BadInput(Violation(field, "contains a number that JSON cannot represent"))


class _Reader:
    """Reads one field within its bounds. The general converter takes two to four times as long."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._remaining = MAX_FREE_FORM_VALUES

    def values(self, fields: Mapping[str, Value]) -> dict[str, object]:
        return self._object(fields, MAX_FREE_FORM_DEPTH - 1)

    def _object(self, fields: Mapping[str, Value], levels: int) -> dict[str, object]:
        self._count_down(len(fields))
        # Not by `items()`, which is written in Python.
        return {key: self._value(fields[key], levels) for key in fields}

    def _list(self, values: Iterable[Value], count: int, levels: int) -> list[object]:
        self._count_down(count)
        return [self._value(value, levels) for value in values]

    def _value(self, value: Value, levels: int) -> object:
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            return value.string_value
        if kind == "number_value":
            return self._number(value.number_value)
        if kind == "bool_value":
            return value.bool_value
        if kind == "struct_value":
            return self._object(value.struct_value.fields, self._next_level(levels))
        if kind == "list_value":
            inner = value.list_value.values
            return self._list(inner, len(inner), self._next_level(levels))
        return None

    def _number(self, number: float) -> float:
        if math.isfinite(number):
            return number
        raise _no_number(self._field)

    def _count_down(self, values: int) -> None:
        self._remaining -= values
        if self._remaining < 0:
            raise _too_many(self._field)

    def _next_level(self, levels: int) -> int:
        if not levels:
            raise _too_deep(self._field)
        return levels - 1
