"""Calls a fleet from Python: with asyncio (`AsyncClient`) or without (`Client`). See docs/using/python-client.md.

It needs nothing of a server: neither a database, nor a web server, nor the command line, which is built on it. All that
programs need is a name of this package; what is below may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vimesh.client.async_client import AsyncClient, Credentials
    from vimesh.client.base_error import ClientError
    from vimesh.client.blocking_client import Client
    from vimesh.client.client_errors import (
        AlreadyExists,
        CallError,
        Conflict,
        DeadlineExceeded,
        EndlessList,
        InvalidRequest,
        LimitExceeded,
        NameAmbiguous,
        NameUnknown,
        NotAllowed,
        NotAuthenticated,
        NotFound,
        NotKept,
        PreconditionFailed,
        Unavailable,
        WaitExpired,
        WatchedVimGone,
    )
    from vimesh.client.credentials.token_credentials import BearerToken, TokenCredentials
    from vimesh.client.login.login_errors import LoginEnded, LoginFailed
    from vimesh.client.masked_vims import masked
    from vimesh.client.struct_values import struct
    from vimesh.client.watches.resumable_watch import ConnectionNews, WatchPosition, WatchUpdate
    from vimesh.client.watches.watched_vims import VimChange, WatchedVims
    from vimesh.domain.errors import BadSetting
    from vimesh.v1.vim_pb2 import Vim, VimEvent

_NAMES: Final = {
    "vimesh.client.async_client": ("AsyncClient", "Credentials"),
    "vimesh.client.base_error": ("ClientError",),
    "vimesh.client.blocking_client": ("Client",),
    "vimesh.client.client_errors": (
        "AlreadyExists",
        "CallError",
        "Conflict",
        "DeadlineExceeded",
        "EndlessList",
        "InvalidRequest",
        "LimitExceeded",
        "NameAmbiguous",
        "NameUnknown",
        "NotAllowed",
        "NotAuthenticated",
        "NotFound",
        "NotKept",
        "PreconditionFailed",
        "Unavailable",
        "WaitExpired",
        "WatchedVimGone",
    ),
    "vimesh.client.credentials.token_credentials": ("BearerToken", "TokenCredentials"),
    "vimesh.client.login.login_errors": ("LoginEnded", "LoginFailed"),
    "vimesh.client.masked_vims": ("masked",),
    "vimesh.client.struct_values": ("struct",),
    "vimesh.client.watches.resumable_watch": ("ConnectionNews", "WatchPosition", "WatchUpdate"),
    "vimesh.client.watches.watched_vims": ("VimChange", "WatchedVims"),
    "vimesh.domain.errors": ("BadSetting",),
    "vimesh.v1.vim_pb2": ("Vim", "VimEvent"),
}
"""What a program may import from here, by the module that has it."""
_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "BadSetting",
    "BearerToken",
    "CallError",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionNews",
    "Credentials",
    "DeadlineExceeded",
    "EndlessList",
    "InvalidRequest",
    "LimitExceeded",
    "LoginEnded",
    "LoginFailed",
    "NameAmbiguous",
    "NameUnknown",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotKept",
    "PreconditionFailed",
    "TokenCredentials",
    "Unavailable",
    "Vim",
    "VimChange",
    "VimEvent",
    "WaitExpired",
    "WatchPosition",
    "WatchUpdate",
    "WatchedVimGone",
    "WatchedVims",
    "masked",
    "struct",
]


def __getattr__(name: str) -> object:
    """Import a name when it is asked for: the command line uses modules of this package, and starts without gRPC."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
