"""Counts the values in a free-form field."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.struct_pb2 import ListValue, Struct, Value

_MIN_VALUE_BYTES = 2
"""Minimum size of a value on the wire."""


def has_more_values(struct: Struct, max_count: int) -> bool:
    """Return whether the field holds more than `max_count` values, nested ones included."""
    return struct.ByteSize() > _MIN_VALUE_BYTES * max_count and count_values(struct, max_count) > max_count


def count_values(struct: Struct, max_count: int) -> int:
    """Count the values, nested ones included. Above `max_count`, stop early and return any greater number."""
    count = len(struct.fields)
    containers: list[Struct | ListValue] = [struct]
    while count <= max_count and containers:
        for value in _values_in(containers.pop()):
            kind = value.WhichOneof("kind")
            if kind == "struct_value" and (inside := len(value.struct_value.fields)):
                count += inside
                containers.append(value.struct_value)
            elif kind == "list_value" and (inside := len(value.list_value.values)):
                count += inside
                containers.append(value.list_value)
            if count > max_count:
                break
    return count


def _values_in(container: Struct | ListValue) -> Iterable[Value]:
    if isinstance(container, ListValue):
        return container.values
    # `values()` of a map is written in Python, and takes twice as long for the few values that most fields hold.
    fields = container.fields
    return [fields[key] for key in fields]
