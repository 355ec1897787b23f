"""Makes requests that are refused, each for a different reason and, if its method allows, of 100 kB or more."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.duration_pb2 import Duration

from vimesh.v1 import conductor_service_pb2, vim_service_pb2
from vimesh.v1.vim_pb2 import ProbePolicy, Vim

VIM_SERVICE, CONDUCTOR_SERVICE = "/vimesh.v1.VimService", "/vimesh.v1.ConductorService"
ID = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"
LONG = "x" * 100_000


def field_of(number: int, content: bytes) -> bytes:
    """Serialize a length-delimited field."""
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    made = b""
    while value > 0x7F:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def _register(**fields: object) -> bytes:
    vim = {"name": "lab", "type": "openstack", "auth_url": "http://127.0.0.1/"} | fields
    return vim_service_pb2.RegisterVimRequest(vim=Vim(**vim)).SerializeToString()  # type: ignore[arg-type]  # fields by name


def _json(text: bytes) -> bytes:
    """Make a RegisterVimJsonRequest."""
    return field_of(1, field_of(2, text))


UNKNOWN_FIELD = field_of(1000, LONG.encode())
BAD_REPORT = conductor_service_pb2.UpdateVimRequest(reason="no word", detail="x" * 10_000)
BEYOND_ALL_TIME = ProbePolicy(timeout=Duration(seconds=10**15), interval=Duration(seconds=5))

BAD_REQUESTS: Mapping[str, tuple[str, bytes]] = {
    "not parsable": (f"{VIM_SERVICE}/RegisterVim", b"\xff" * len(LONG)),
    "no UTF-8": (f"{VIM_SERVICE}/RegisterVim", field_of(1, field_of(3, b"\xff" * len(LONG)))),
    "too long": (f"{VIM_SERVICE}/GetVim", UNKNOWN_FIELD),
    "too many": (f"{CONDUCTOR_SERVICE}/UpdateVims", b"\x0a\x00" * 100_000),
    "out of bounds": (f"{VIM_SERVICE}/RegisterVim", _register(probe_policy=BEYOND_ALL_TIME) + UNKNOWN_FIELD),
    "against a rule": (f"{VIM_SERVICE}/RegisterVim", _register(description=LONG, type="vmware")),
    "against a rule of ours": (f"{VIM_SERVICE}/RegisterVim", _register(auth_url="nowhere") + UNKNOWN_FIELD),
    "against a rule, by a stream": (
        f"{VIM_SERVICE}/WatchVims",
        vim_service_pb2.WatchVimsRequest(vim_id="lab").SerializeToString() + field_of(1000, bytes(15_000)),
    ),
    "bad reports": (
        f"{CONDUCTOR_SERVICE}/UpdateVims",
        conductor_service_pb2.UpdateVimsRequest(reports=[BAD_REPORT] * 10).SerializeToString(),
    ),
    "unknown VIM": (
        f"{VIM_SERVICE}/ModifyVim",
        vim_service_pb2.ModifyVimRequest(vim=Vim(id=ID, name="lab")).SerializeToString() + UNKNOWN_FIELD,
    ),
    "JSON, nested": (f"{VIM_SERVICE}/RegisterVimJson", _json(b"[" * 500_000)),
    "JSON, broken off": (f"{VIM_SERVICE}/RegisterVimJson", _json(b'{"vim": {"description": "' + b"x" * 500_000)),
    "JSON, no UTF-8": (f"{VIM_SERVICE}/RegisterVimJson", _json(b'{"vim": {"description": "' + b"\xff" * 500_000)),
    "JSON, no text": (f"{VIM_SERVICE}/RegisterVimJson", _json(b'{"vim": "\\ud800' + b"x" * 500_000 + b'"}')),
    "JSON, no such field": (f"{VIM_SERVICE}/RegisterVimJson", _json(b'{"vin": "' + b"x" * 500_000 + b'"}')),
    "JSON, a value of another kind": (f"{VIM_SERVICE}/RegisterVimJson", _json(b'{"vim": "' + b"x" * 500_000 + b'"}')),
}
