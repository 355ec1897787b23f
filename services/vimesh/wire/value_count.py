"""Counts the values in a free-form field."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.struct_pb2 import Struct, Value

_SHORTEST_BYTES = 2
"""Minimum size of a value on the wire."""


def has_more_values(struct: Struct, most: int) -> bool:
    """Return whether the field holds more than `most` values, nested ones included."""
    return struct.ByteSize() > _SHORTEST_BYTES * most and count_values(struct, most) > most


def count_values(struct: Struct, most: int) -> int:
    """Count the values, nested ones included. Above `most`, stop early and return any greater number."""
    count = len(struct.fields)
    containers: list[Iterable[Value]] = [struct.fields.values()]
    while count <= most and containers:
        for value in containers.pop():
            kind = value.WhichOneof("kind")
            if kind == "struct_value" and (inside := len(value.struct_value.fields)):
                count += inside
                containers.append(value.struct_value.fields.values())
            elif kind == "list_value" and (inside := len(value.list_value.values)):
                count += inside
                containers.append(value.list_value.values)
            if count > most:
                break
    return count
