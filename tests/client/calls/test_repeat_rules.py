"""Calls are repeated where the contract says at the RPC that this is safe, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf import symbol_database
from google.protobuf.message import Message

from vimesh.client.calls.repeat_rules import may_be_repeated
from vimesh.rpc.caller_roles import EVERYONE, PEOPLE
from vimesh.rpc.rpc_table import RPCS, Rpc
from vimesh.v1.vim_service_pb2 import ModifyVimRequest, RegisterVimRequest, RegisterVimsRequest

_PROTOS = Path(__file__).parents[3] / "protos/vimesh/v1"
_COMMENTED = re.compile(r"((?:^  //[^\n]*\n)+)  rpc (\w+)\(", re.MULTILINE)
_UNARY = [
    rpc
    for rpc in RPCS
    if rpc.time_limit_s is not None
    and not rpc.method.endswith("Json")
    and (rpc.callers & PEOPLE or rpc.callers == EVERYONE)
]
_NEEDS_REQUEST_ID = {"RegisterVim", "RegisterVims", "CreateMaintenanceWindow", "CreateReceiver"}


def words_of() -> dict[str, str]:
    """Return what the comment of each RPC says about retries."""
    found = {}
    for proto in _PROTOS.glob("*_service.proto"):
        for comment, method in _COMMENTED.findall(proto.read_text()):
            text = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
            found[method] = text.partition("Retry: ")[2]
    return found


def request_of(rpc: Rpc) -> Message:
    message: Message = symbol_database.Default().GetSymbol(f"vimesh.v1.{rpc.method}Request")()
    return message


@pytest.mark.parametrize("rpc", _UNARY, ids=lambda rpc: rpc.method)
def test_a_call_is_repeated_if_the_contract_calls_that_safe(rpc: Rpc) -> None:
    words, request = words_of()[rpc.method], request_of(rpc)
    if rpc.method == "RegisterVims":
        request = RegisterVimsRequest(requests=[RegisterVimRequest()])

    if rpc.method in _NEEDS_REQUEST_ID:
        assert "request_id" in words
        assert not may_be_repeated(request)
    elif "a second one" in words:
        assert not may_be_repeated(request)
    else:
        assert words.startswith("safe")
        assert may_be_repeated(request)


def test_a_request_id_makes_it_safe_and_an_etag_does_not() -> None:
    with_id = RegisterVimRequest(request_id="7b3ac6ab-1c53-46b2-8c61-86bcb9b2f7a1")

    assert may_be_repeated(with_id)
    assert may_be_repeated(RegisterVimsRequest(requests=[with_id, with_id]))
    assert not may_be_repeated(RegisterVimsRequest(requests=[with_id, RegisterVimRequest()]))
    assert not may_be_repeated(ModifyVimRequest(etag="5"))
