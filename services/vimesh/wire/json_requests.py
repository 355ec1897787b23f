"""Parses requests in JSON. Size is checked first, and protobuf's JSON parser never sees the free-form fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.labels.label_syntax import MAX_LABELS, too_many
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import free_form
from vimesh.wire.json_text import NotTaken, exceeded_bound, parse_object
from vimesh.wire.limits import MAX_JSON_BYTES

_MAX_MASK: Final = 1024
"""Maximum number of characters in a field mask: the names of all modifiable fields together are shorter."""
_FREE_FORM: Final = {
    spelling: field.name
    for field in vim_pb2.Vim.DESCRIPTOR.fields
    if field.message_type is Struct.DESCRIPTOR
    for spelling in (field.name, field.json_name)
}
_MASKS: Final = ("update_mask", "updateMask")

_M = TypeVar("_M", pb.RegisterVimRequest, pb.ModifyVimRequest, pb.ModifyVimsRequest)
_P = TypeVar("_P", bound=Message)


def parse_json_request(text: bytes, message: _M) -> _M:
    """Parse a request into `message`. Raises BadInput if it is not JSON, has unknown fields, or is too large."""
    request = _load_object(text)
    if any(len(str(request.get(name))) > _MAX_MASK for name in _MASKS):
        raise BadInput(Violation("update_mask", f"longer than {_MAX_MASK} characters"))
    vim = request.get("vim")
    # Without its free-form fields, the request is left with a few fields, each parsed once.
    values = _without_free_form(vim) if isinstance(vim, dict) else {}
    _bound_labels(vim)
    _fill(message, request)
    for name, value in values.items():
        free_form.fill(getattr(message.vim, name), value)
    return message


def _bound_labels(vim: object) -> None:
    labels = vim.get("labels") if isinstance(vim, dict) else None
    if isinstance(labels, dict) and len(labels) > MAX_LABELS:
        raise BadInput(too_many())


def parse_plain_request(text: bytes, message: _P) -> _P:
    """Parse a request that has no VIM. Raises BadInput as `parse_json_request` does."""
    _fill(message, _load_object(text))
    return message


def _load_object(text: bytes) -> dict[str, object]:
    if len(text) > MAX_JSON_BYTES:
        raise _bad(f"longer than {MAX_JSON_BYTES} bytes")
    try:
        return parse_object(text)
    except NotTaken as error:
        problem = str(error)
    # Raise outside the handler: frames of the caught error hold the text, and this error would keep them alive.
    raise _bad(problem)


def _without_free_form(vim: dict[str, object]) -> Mapping[str, dict[str, object]]:
    """Remove the free-form fields and return them. Raises BadInput if one is too large or not a JSON object."""
    removed: dict[str, dict[str, object]] = {}
    for spelling in vim.keys() & _FREE_FORM.keys():
        name, value = _FREE_FORM[spelling], vim.pop(spelling)
        if value is None:
            continue
        if not isinstance(value, dict):
            raise BadInput(Violation(f"vim.{name}", "must be a JSON object"))
        if name in removed:
            raise BadInput(Violation(f"vim.{name}", "is given in two spellings"))
        if problem := exceeded_bound(value):
            raise BadInput(Violation(f"vim.{name}", problem))
        removed[name] = value
    return removed


def _fill(message: Message, values: dict[str, object]) -> None:
    try:
        ParseDict(values, message)
    # Besides ParseError, a number out of range may raise either of the others.
    except (ParseError, ValueError, OverflowError) as error:
        problem = str(error)
    else:
        return
    raise _bad(problem)


def _bad(problem: str) -> BadInput:
    return BadInput(Violation("request", problem))
