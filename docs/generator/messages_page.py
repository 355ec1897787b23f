"""Writes the page of all messages and enums of the contract, with what their comments say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

from docs.generator.contract_comments import PACKAGE, comments_of, contract_files, short_name
from docs.generator.markdown_text import code, paragraphs, table

_INTRODUCTION = """# Messages

The messages and enums of [the contract](contract.md). JSON answers have the same names; requests may also have them
in camel case (`authUrl`). The forms of the well-known types are those of
[ProtoJSON](https://protobuf.dev/programming-guides/json/): a `Timestamp` is `"2026-11-29T07:55:02Z"`, a `Duration` is
`"1.5s"`, and 64-bit numbers are strings.
"""
_MESSAGES_PATH, _ENUMS_PATH = 4, 5
"""Numbers of `message_type` and `enum_type` in FileDescriptorProto."""
_FIELDS_PATH, _NESTED_PATH, _NESTED_ENUMS_PATH, _VALUES_PATH = 2, 3, 4, 2
"""Numbers of `field`, `nested_type` and `enum_type` in DescriptorProto, and of `value` in EnumDescriptorProto."""

_Path = tuple[int, ...]
_Comments = Mapping[_Path, str]


def messages_page() -> str:
    parts = [_INTRODUCTION]
    for file in contract_files():
        comments = comments_of(file)
        for number, message in enumerate(file.message_type):
            parts += _message(message, "", (_MESSAGES_PATH, number), comments)
        for number, enum in enumerate(file.enum_type):
            parts.append(_enum(enum, "", (_ENUMS_PATH, number), comments))
    return "\n".join(parts)


def _message(message: DescriptorProto, outer: str, place: _Path, comments: _Comments) -> Iterator[str]:
    name = f"{outer}{message.name}"
    maps = {f"{name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry}
    text = f"## {name}\n\n{paragraphs(comments.get(place, ''))}\n"
    if message.field:
        rows = (
            [code(each.name), _type(each, maps), _with_choice(message, each, comments, (*place, _FIELDS_PATH, number))]
            for number, each in enumerate(message.field)
        )
        text += f"\n{table(['field', 'type', 'is'], rows)}"
    yield text
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(nested, f"{name}.", (*place, _NESTED_PATH, number), comments)
    for number, enum in enumerate(message.enum_type):
        yield _enum(enum, f"{name}.", (*place, _NESTED_ENUMS_PATH, number), comments)


def _enum(enum: EnumDescriptorProto, outer: str, place: _Path, comments: _Comments) -> str:
    rows = (
        [code(value.name), paragraphs(comments.get((*place, _VALUES_PATH, number), ""))]
        for number, value in enumerate(enum.value)
    )
    name = f"{outer}{enum.name}"
    return f"## {name}\n\n{paragraphs(comments.get(place, ''))}\n\n{table(['value', 'means'], rows)}"


def _with_choice(message: DescriptorProto, field: FieldDescriptorProto, comments: _Comments, place: _Path) -> str:
    text = paragraphs(comments.get(place, ""))
    if field.HasField("oneof_index") and not field.proto3_optional:
        text += f" One of `{message.oneof_decl[field.oneof_index].name}`."
    return text


def _type(field: FieldDescriptorProto, maps: Mapping[str, DescriptorProto]) -> str:
    if entry := maps.get(short_name(field.type_name)):
        key, value = entry.field
        return f"map of {_type(key, {})} to {_type(value, {})}"
    many = "repeated " if field.label == FieldDescriptorProto.LABEL_REPEATED else ""
    optional = "optional " if field.proto3_optional else ""
    return f"{many}{optional}{_one_type(field)}"


def _one_type(field: FieldDescriptorProto) -> str:
    if not field.type_name:
        return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    name = short_name(field.type_name)
    if field.type_name.startswith(f".{PACKAGE}."):
        return f"[{name}](#{name.lower().replace('.', '')})"
    return code(name)
