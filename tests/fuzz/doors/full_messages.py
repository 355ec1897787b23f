"""Makes the largest requests that the contract allows: they set the cost that any request may have."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from tests.fuzz.doors.good_messages import report, vim
from tests.fuzz.doors.known_vims import UNIQUE
from vimesh.v1 import conductor_service_pb2 as cs
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as vs
from vimesh.v1.buf.validate import validate_pb2

_BODY_BYTES = 3 * 1024 * 1024
_FIELD_BYTES = 60_000
_TEXTS = 250


def full_messages(kind: str) -> Sequence[Message]:
    """Return the requests, by the name of the RPC."""
    match kind:
        case "RegisterVim":
            return [_register(0, extra=_texts(_FIELD_BYTES), placement_attr=_texts(_FIELD_BYTES))]
        case "RegisterVims":
            most = _most_items(vs.RegisterVimsRequest.DESCRIPTOR, "requests")
            long = _texts(_BODY_BYTES // most)
            return [
                vs.RegisterVimsRequest(requests=[_register(number) for number in range(most)]),
                vs.RegisterVimsRequest(requests=[_register(number, extra=long) for number in range(most)]),
            ]
        case "ApplyVims":
            most = _most_items(vs.ApplyVimsRequest.DESCRIPTOR, "vims")
            entries = [vs.VimToApply(vim=_register(number).vim) for number in range(most)]
            return [vs.ApplyVimsRequest(apply_set="full", vims=entries, adopt=True, force=True)]
        case "UpdateVims":
            most = _most_items(cs.UpdateVimsRequest.DESCRIPTOR, "reports")
            ids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(most)]
            return [cs.UpdateVimsRequest(reports=[report(vim_id, 7) for vim_id in ids])]
        case _:
            return []


def _most_items(message: Descriptor, field: str) -> int:
    """Return the maximum number of items, read from the contract."""
    rules = message.fields_by_name[field].GetOptions().Extensions[validate_pb2.field]
    return int(rules.repeated.max_items)


def _register(number: int, **fields: object) -> vs.RegisterVimRequest:
    made = vim(name=f"full-{UNIQUE.decode()}-{number}", **fields)
    return vs.RegisterVimRequest(vim=made, engine=vim_pb2.Monitor.EXTERNAL)


def _texts(size_bytes: int) -> Struct:
    made = Struct()
    made.update({"a": ["b" * max(1, size_bytes // _TEXTS - 8)] * _TEXTS})
    return made
