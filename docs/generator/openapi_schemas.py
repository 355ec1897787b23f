"""Describes the messages of the contract as JSON schemas, in the form in which the front reads and writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

from docs.generator.contract_comments import PACKAGE, comments_of, contract_files, short_name
from docs.generator.field_bounds import bounds, is_required
from docs.generator.markdown_text import paragraphs

Schema = dict[str, object]
STATUS: Final = "google.rpc.Status"
_REFERENCE: Final = "#/components/schemas/"
_MESSAGES_PATH, _FIELDS_PATH, _NESTED_PATH = 4, 2, 3
"""Numbers of `message_type` in FileDescriptorProto, and of `field` and `nested_type` in DescriptorProto."""
_Type = FieldDescriptorProto.Type
_SCALARS: Final[Mapping[int, Schema]] = {
    _Type.TYPE_BOOL: {"type": "boolean"},
    _Type.TYPE_STRING: {"type": "string"},
    _Type.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _Type.TYPE_DOUBLE: {"type": "number"},
    _Type.TYPE_FLOAT: {"type": "number"},
    _Type.TYPE_INT32: {"type": "integer", "format": "int32"},
    _Type.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 4294967295},
    # JavaScript would round them.
    _Type.TYPE_INT64: {"type": "string", "pattern": "^-?[0-9]+$"},
    _Type.TYPE_UINT64: {"type": "string", "pattern": "^[0-9]+$"},
}
_WELL_KNOWN: Final[Mapping[str, Schema]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["1.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "description": "Names of fields, separated by commas."},
    "google.protobuf.Struct": {"type": "object"},
    STATUS: {"$ref": f"{_REFERENCE}{STATUS}"},
}
_STATUS_SCHEMA: Final[Schema] = {
    "type": "object",
    "description": "Why a call failed. `details` hold a google.rpc.ErrorInfo with the reason.",
    "properties": {
        "code": {"type": "integer", "description": "The gRPC status."},
        "message": {"type": "string"},
        "details": {"type": "array", "items": {"type": "object", "properties": {"@type": {"type": "string"}}}},
    },
}


def schemas() -> dict[str, Schema]:
    """Return the schemas of all messages and enums by their names."""
    found: dict[str, Schema] = {STATUS: _STATUS_SCHEMA}
    for file in contract_files():
        comments = comments_of(file)
        for number, message in enumerate(file.message_type):
            found.update(_of_message(message, "", (_MESSAGES_PATH, number), comments))
        found.update((enum.name, _of_enum(enum)) for enum in file.enum_type)
    return found


def reference(name: str) -> Schema:
    return {"$ref": f"{_REFERENCE}{name}"}


def _field_schema(field: FieldDescriptorProto, message: DescriptorProto) -> Schema:
    """Return the schema of a field; `message` has the entries of its maps."""
    entries = {entry.name: entry for entry in message.nested_type if entry.options.map_entry}
    if entry := entries.get(field.type_name.rpartition(".")[2]):
        return {"type": "object", "additionalProperties": _one(entry.field[1]), **bounds(field)}
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return {"type": "array", "items": {**_one(field), **bounds(field, of_items=True)}, **bounds(field)}
    return {**_one(field), **bounds(field)}


def _read_only(field: FieldDescriptorProto) -> Schema:
    behavior = field.options.Extensions[field_behavior_pb2.field_behavior]
    return {"readOnly": True} if field_behavior_pb2.OUTPUT_ONLY in behavior else {}


def _one(field: FieldDescriptorProto) -> Schema:
    if not field.type_name:
        return dict(_SCALARS[field.type])
    name = field.type_name.removeprefix(".")
    return dict(_WELL_KNOWN[name]) if not name.startswith(f"{PACKAGE}.") else reference(short_name(name))


def _of_message(
    message: DescriptorProto, outer: str, place: tuple[int, ...], comments: Mapping[tuple[int, ...], str]
) -> Iterator[tuple[str, Schema]]:
    name = f"{outer}{message.name}"
    properties: dict[str, Schema] = {}
    for number, field in enumerate(message.field):
        if field.type_name == ".google.api.HttpBody":
            continue  # the text of another request
        about = paragraphs(comments.get((*place, _FIELDS_PATH, number), ""))
        properties[field.name] = {**_field_schema(field, message), "description": about, **_read_only(field)}
    required = [field.name for field in message.field if is_required(field)]
    yield (
        name,
        {
            "type": "object",
            "description": paragraphs(comments.get(place, "")),
            "properties": properties,
            **({"required": required} if required else {}),
        },
    )
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _of_message(nested, f"{name}.", (*place, _NESTED_PATH, number), comments)
    for enum in message.enum_type:
        yield f"{name}.{enum.name}", _of_enum(enum)


def _of_enum(enum: EnumDescriptorProto) -> Schema:
    return {"type": "string", "enum": [value.name for value in enum.value]}
