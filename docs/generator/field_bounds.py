"""Says which of the rules that conductors apply to a field JSON schemas can express, too."""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message

from vimesh.v1.buf.validate import validate_pb2 as rules

_TYPES: Final = ("string", "int32", "uint32", "repeated", "map")
"""Numbers of 64 bits are texts in JSON, and so are durations."""
_KEYWORDS: Final = {
    "min_len": "minLength",
    "max_len": "maxLength",
    "gte": "minimum",
    "lte": "maximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique": "uniqueItems",
    "min_pairs": "minProperties",
    "max_pairs": "maxProperties",
}
_WORDS: Final = "in"


def is_required(field: FieldDescriptorProto) -> bool:
    return _rules_of(field).required


def bounds(field: FieldDescriptorProto, *, of_items: bool = False) -> dict[str, object]:
    """Return the bounds of a field, or of each item of a list, as keywords of a JSON schema."""
    own = _rules_of(field).repeated.items if of_items else _rules_of(field)
    kind = own.WhichOneof("type")
    if own.ignore == rules.IGNORE_ALWAYS or kind not in _TYPES:
        return {}
    given = {one.name: value for one, value in _of_type(own, str(kind)).ListFields()}
    may_be_empty = own.ignore == rules.IGNORE_IF_ZERO_VALUE
    if kind == "string" and _WORDS in given:
        return {"enum": [*given[_WORDS], *([""] if may_be_empty else [])]}
    if kind == "string" and may_be_empty:
        given = {name: value for name, value in given.items() if name == "max_len"}
    return {
        **{keyword: given[name] for name, keyword in _KEYWORDS.items() if name in given},
        **({"format": "uuid"} if given.get("uuid") else {}),
    }


def _rules_of(field: FieldDescriptorProto) -> rules.FieldRules:
    return field.options.Extensions[rules.field]


def _of_type(own: rules.FieldRules, kind: str) -> Message:
    message: Message = getattr(own, kind)
    return message
