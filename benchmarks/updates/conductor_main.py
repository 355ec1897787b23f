"""Runs `vimesh conductor` with two more methods on the server that serves the real ones.

One does nothing, and the other accepts that another process has changed all leases.

Not run by hand: see conductors.py.
"""

from __future__ import annotations

import sys
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import Int64Value

from benchmarks.updates.work import EMPTY_PATH, GRANTED_PATH
from vimesh.cli.main import main
from vimesh.store import sql_store
from vimesh.store.reports.report_pipeline import ReportPipeline
from vimesh.store.transactions.database import Database

_real_server = grpc.aio.server
_recordings: list[ReportPipeline] = []


def _server_that_also_does_nothing(*args: Any, **kwargs: Any) -> grpc.aio.Server:  # noqa: ANN401 - as they come
    server = _real_server(*args, **kwargs)
    service, _, method = EMPTY_PATH[1:].partition("/")
    granted = GRANTED_PATH.rpartition("/")[2]
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        method: grpc.unary_unary_rpc_method_handler(_empty, Empty.FromString, Empty.SerializeToString),
        granted: grpc.unary_unary_rpc_method_handler(_granted, Int64Value.FromString, Empty.SerializeToString),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    return server


async def _empty(request: Empty, _: grpc.aio.ServicerContext[Empty, Empty]) -> Empty:
    return request


async def _granted(request: Int64Value, _: grpc.aio.ServicerContext[Int64Value, Empty]) -> Empty:
    for recording in _recordings:
        for standing in recording.cache.snapshot.standings.values():
            standing.lease_until = request.value
    return Empty()


def _recording(database: Database) -> ReportPipeline:
    _recordings.append(ReportPipeline(database))
    return _recordings[-1]


if __name__ == "__main__":
    # The conductor is made as the command line makes it, whatever that does; a method can only be added here.
    grpc.aio.server = _server_that_also_does_nothing
    sql_store.ReportPipeline = _recording  # type: ignore[attr-defined, assignment]  # it makes one
    main(sys.argv[1:])
