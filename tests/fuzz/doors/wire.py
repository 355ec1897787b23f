"""Represents messages as trees of fields, and writes their bytes: a tree may contain what no message may."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

VARINT, FIXED_64, SIZED, GROUP, GROUP_END, FIXED_32 = range(6)
RAW = -1
"""The wire type of bytes that are written as they are, including tags: many fields in one."""
_MASK_64 = 2**64 - 1
_DOUBLES = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


@dataclass(slots=True)
class Field:
    number: int
    wire_type: int
    value: int | bytes | Tree


@dataclass(slots=True)
class Tree:
    descriptor: Descriptor
    fields: list[Field]

    def encoded(self) -> bytes:
        return b"".join(map(_encoded, self.fields))

    def trees(self) -> Iterator[Tree]:
        """Yield this tree and all trees in it."""
        yield self
        for field in self.fields:
            if isinstance(field.value, Tree):
                yield from field.value.trees()


def tree_of(message: Message) -> Tree:
    fields = (made for field, value in message.ListFields() for made in _fields(field, value))
    return Tree(cast(Descriptor, message.DESCRIPTOR), list(fields))


def field_of(descriptor: FieldDescriptor, value: Any) -> Field:  # noqa: ANN401 - what a field of a message may hold
    """Return a field with one value, as protobuf itself writes it."""
    if isinstance(value, Message):
        return Field(descriptor.number, SIZED, tree_of(value))
    if descriptor.type in _TEXTS:
        return Field(descriptor.number, SIZED, value.encode() if isinstance(value, str) else value)
    if descriptor.type in _DOUBLES:
        form, wire_type = ("<d", FIXED_64) if descriptor.type == FieldDescriptor.TYPE_DOUBLE else ("<f", FIXED_32)
        return Field(descriptor.number, wire_type, struct.pack(form, value))
    return Field(descriptor.number, VARINT, int(value))


def sized(content: bytes) -> bytes:
    return varint(len(content)) + content


def varint(value: int) -> bytes:
    value &= _MASK_64
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _fields(descriptor: FieldDescriptor, value: Any) -> Iterable[Field]:  # noqa: ANN401 - as above
    entry = descriptor.message_type
    if entry is not None and entry.GetOptions().map_entry:
        names = entry.fields_by_name
        for key, content in value.items():
            pair = [field_of(names["key"], key), field_of(names["value"], content)]
            yield Field(descriptor.number, SIZED, Tree(entry, pair))
    elif descriptor.is_repeated:
        yield from (field_of(descriptor, each) for each in value)
    else:
        yield field_of(descriptor, value)


def _encoded(field: Field) -> bytes:
    """Write a field; a value that does not fit its wire type is written as the bytes that it has."""
    content = field.value.encoded() if isinstance(field.value, Tree) else field.value
    written = varint(content) if isinstance(content, int) else content
    if field.wire_type == RAW:
        return written
    tag = varint(field.number << 3 | field.wire_type)
    if field.wire_type == SIZED:
        return tag + sized(written)
    if field.wire_type == GROUP:
        return tag + written + varint(field.number << 3 | GROUP_END)
    return tag + written
