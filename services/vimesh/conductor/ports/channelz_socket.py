"""Serves gRPC's channelz on a unix socket: connections, streams and calls of the process, for who may enter its folder.

Never on a port: channelz names the peers of every connection, and asks nobody who he is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import grpc
from grpc_reflection.v1alpha import reflection

from vimesh.domain.errors import BadSetting
from vimesh.rpc.ports.port_binding import listen_on

SETTING = "channelz"
_SCHEME = "unix:"
_OWNER_ONLY = 0o600
_STOP_WITHIN_S = 2.0
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # A person, with a tool.
    ("grpc.max_concurrent_streams", 16),
    ("grpc.max_receive_message_length", 16 * 1024),
    ("grpc.max_allowed_incoming_connections", 16),
)


def check_channelz(listen: str) -> None:
    """Raise BadSetting for an address where channelz must not be served."""
    if listen and not listen.startswith(_SCHEME):
        raise BadSetting(SETTING, "must be unix: and a path, because channelz asks nobody who he is")
    if listen and find_spec("grpc_channelz") is None:
        raise BadSetting(SETTING, "needs the package grpcio-channelz: pip install 'vimesh[conductor]'")


@asynccontextmanager
async def answering_channelz(listen: str) -> AsyncGenerator[None]:
    """Serve while the block runs, in threads of its own, so that it answers while the loop is busy; "": not at all.

    Raises BadSetting if it cannot listen.
    """
    if not listen:
        yield
        return
    from grpc_channelz.v1 import channelz, channelz_pb2  # noqa: PLC0415 - few ask for it

    service = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"].full_name
    with ThreadPoolExecutor(2, thread_name_prefix="channelz") as threads:
        server = grpc.server(threads, options=_OPTIONS)
        channelz.add_channelz_servicer(server)
        reflection.enable_server_reflection((service, reflection.SERVICE_NAME), server)
        _bind(server, listen)
        server.start()
        try:
            yield
        finally:
            await asyncio.to_thread(lambda: server.stop(None).wait(_STOP_WITHIN_S))


def _bind(server: grpc.Server, listen: str) -> None:
    listen_on(server, SETTING, listen)
    Path(listen.removeprefix(_SCHEME)).chmod(_OWNER_ONLY)
