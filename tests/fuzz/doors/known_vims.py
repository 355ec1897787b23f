"""Defines the VIMs that inputs name, with fixed ids, so that a failed input can be tried again in another fleet."""

from __future__ import annotations

import uuid
from typing import Final

from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

VIM_IDS: Final = tuple(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"fuzzed-{number}.test")) for number in range(8))
BYSTANDER_ID: Final = str(uuid.uuid5(uuid.NAMESPACE_DNS, "bystander.test"))
"""No input names this one."""
UNIQUE: Final = b"~unique~"
"""Placeholder in good inputs for values that must differ each time, such as names; it has the length of these."""


def with_names(data: bytes) -> bytes:
    """Fill in the values that must differ, so that an input has the same effect when it is sent again."""
    return data.replace(UNIQUE, uuid.uuid4().hex[: len(UNIQUE)].encode())


def registration(vim_id: str) -> pb.RegisterVimRequest:
    """Register a VIM that nothing probes: URLs made up by a fuzzer must never be contacted."""
    vim = vim_pb2.Vim(name=vim_id, type="openstack", auth_url="http://127.0.0.1:1/v3")
    return pb.RegisterVimRequest(vim=vim, vim_id=vim_id, engine=vim_pb2.Monitor.EXTERNAL)
