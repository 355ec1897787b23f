"""`vimesh conductor`, with one more method: a call that does nothing, on the very server that serves the real ones.

Not run by hand: see conductors.py.
"""

from __future__ import annotations

import sys
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from benchmarks.updates.work import EMPTY_PATH
from vimesh.cli.main import main

_real_server = grpc.aio.server


def _server_that_also_does_nothing(*args: Any, **kwargs: Any) -> grpc.aio.Server:  # noqa: ANN401 - as they come
    server = _real_server(*args, **kwargs)
    service, _, method = EMPTY_PATH[1:].partition("/")
    handler = grpc.unary_unary_rpc_method_handler(_empty, Empty.FromString, Empty.SerializeToString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    return server


async def _empty(request: Empty, _: grpc.aio.ServicerContext[Empty, Empty]) -> Empty:
    return request


if __name__ == "__main__":
    # The conductor is made as the command line makes it, whatever that comes to be; only here can a method be added.
    grpc.aio.server = _server_that_also_does_nothing
    main(sys.argv[1:])
