"""How the servers of a conductor take their ports."""

from __future__ import annotations

import grpc

from vimesh.domain.errors import BadSetting


def listen_on(server: grpc.Server | grpc.aio.Server, setting: str, address: str) -> int:
    """Return the port that the server got. Raises BadSetting, with the name of the setting, if it gets none."""
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise BadSetting(setting, f"cannot listen on {address}: is the port taken?")
    return port
