"""Requests that come as JSON text: bounded before they are read, and their free-form fields never as messages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Final, Never, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.struct_pb2 import Struct

from vimesh.conductor import free_form
from vimesh.domain.errors import BadInput, Violation
from vimesh.rpc.limits import MAX_JSON_BYTES
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_MAX_MASK: Final = 1024
"""Characters of a field mask: each field that can be changed is named in less."""
_FREE_FORM: Final = {
    spelling: field.name
    for field in vim_pb2.Vim.DESCRIPTOR.fields
    if field.message_type is Struct.DESCRIPTOR
    for spelling in (field.name, field.json_name)
}
_MASKS: Final = ("update_mask", "updateMask")

_M = TypeVar("_M", pb.RegisterVimRequest, pb.ModifyVimRequest)


class _NotTaken(ValueError):
    """JSON that is none of ours. The message says what is wrong."""


def parsed(text: bytes, into: _M) -> _M:
    """Read a request. Raises BadInput for what is no JSON, for fields that it has not, and for what is too large."""
    if len(text) > MAX_JSON_BYTES:
        raise _bad(f"longer than {MAX_JSON_BYTES} bytes")
    request = _loaded(text)
    if any(len(str(request.get(name))) > _MAX_MASK for name in _MASKS):
        raise BadInput(Violation("update_mask", f"longer than {_MAX_MASK} characters"))
    vim = request.get("vim")
    # What is left in the request is a few fields, each read once.
    values = _without_free_form(vim) if isinstance(vim, dict) else {}
    _fill(into, request)
    for name, value in values.items():
        free_form.fill(getattr(into.vim, name), value)
    return into


def _loaded(text: bytes) -> dict[str, object]:
    try:
        found = json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_no_number)
        # Half of a pair of surrogates is no text, and protobuf fails over it in many ways.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        problem = _said(error)
    else:
        if isinstance(found, dict):
            return found
        problem = "must be a JSON object"
    # Outside of the handler: the error that was caught holds all of the text, and would hang on this one.
    raise _bad(problem)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _NotTaken(f"holds the name {twice[:100]!r} twice in one object")
    return found


def _no_number(word: str) -> Never:
    raise _NotTaken(f"holds {word}, which is no number")


def _said(error: Exception) -> str:
    match error:
        case UnicodeEncodeError():
            return "holds half of a pair of surrogates, which is no text"
        case _NotTaken():
            return str(error)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return f"is no JSON: {error}"
        case RecursionError():
            return "is nested too deep"
    return "holds a number with too many digits"


def _without_free_form(vim: dict[str, object]) -> Mapping[str, dict[str, object]]:
    """Take the free-form fields out. Raises BadInput for one that is too large, or none."""
    taken: dict[str, dict[str, object]] = {}
    for spelling in vim.keys() & _FREE_FORM.keys():
        name, value = _FREE_FORM[spelling], vim.pop(spelling)
        if value is None:
            continue
        if not isinstance(value, dict):
            raise BadInput(Violation(f"vim.{name}", "must be a JSON object"))
        if name in taken:
            raise BadInput(Violation(f"vim.{name}", "comes in two spellings"))
        free_form.require_bounded(f"vim.{name}", value)
        taken[name] = value
    return taken


def _fill(message: _M, values: dict[str, object]) -> None:
    try:
        ParseDict(values, message)
    # Besides ParseError: a number that does not fit may be either of the others.
    except (ParseError, ValueError, OverflowError) as error:
        problem = str(error)
    else:
        return
    raise _bad(problem)


def _bad(problem: str) -> BadInput:
    return BadInput(Violation("request", problem))
