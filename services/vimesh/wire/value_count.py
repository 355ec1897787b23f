"""How many values a free-form field holds."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.struct_pb2 import Struct, Value

_SHORTEST_BYTES = 2
"""No value takes less on the wire."""


def has_more_values(struct: Struct, most: int) -> bool:
    """Say whether the field holds more than `most` values, those inside others counted."""
    return struct.ByteSize() > _SHORTEST_BYTES * most and count_values(struct, most) > most


def count_values(struct: Struct, most: int) -> int:
    """Count the values, those inside others counted. Of more than `most`, no more are looked at: any greater number."""
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
