"""The VIMs that inputs name, by ids that never change: so what failed once can be tried again in another fleet."""

from __future__ import annotations

import uuid
from typing import Final

from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

VIM_IDS: Final = tuple(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"fuzzed-{number}.test")) for number in range(8))
BYSTANDER_ID: Final = str(uuid.uuid5(uuid.NAMESPACE_DNS, "bystander.test"))
"""No input names this one."""
UNIQUE: Final = b"~unique~"
"""Stands in good inputs for what must differ each time, such as a name; of the same length as what replaces it."""


def with_names(data: bytes) -> bytes:
    """Fill in what must differ: an input that is sent again does the same again."""
    return data.replace(UNIQUE, uuid.uuid4().hex[: len(UNIQUE)].encode())


def registration(vim_id: str) -> pb.RegisterVimRequest:
    """Ask for a VIM that nobody probes: the URLs that a fuzzer makes up must stay words."""
    vim = vim_pb2.Vim(name=vim_id, type="openstack", auth_url="http://127.0.0.1:1/v3")
    return pb.RegisterVimRequest(vim=vim, vim_id=vim_id, engine=vim_pb2.Monitor.EXTERNAL)
