"""Binds gRPC servers to their ports."""

from __future__ import annotations

import grpc

from vimesh.domain.errors import BadSetting


def listen_on(
    server: grpc.Server | grpc.aio.Server, setting: str, address: str, credentials: grpc.ServerCredentials | None = None
) -> int:
    """Bind the server, with TLS if there are credentials, and return its port.

    Raises BadSetting, naming the setting, if it cannot listen.
    """
    try:
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise BadSetting(setting, f"cannot listen on {address}: is the port taken?")
    return port
