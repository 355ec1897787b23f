"""python -m tests.fuzz.doors.planted_main FAULT: serves GetVim with a fault that a fuzzer must find.

Prints its port and its pid.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import grpc
import structlog

from vimesh.rpc.guarded_server import GuardedServer
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, add_VimServiceServicer_to_server
from vimesh.wire.message_rules import Rules

NONE, RAISES, SPINS, KEEPS, ENDS = FAULTS = ("none", "raises", "spins", "keeps", "ends")
_SPIN_S = 0.3
_KEPT_BYTES = 8 * 1024 * 1024


class Planted(VimServiceServicer):
    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._kept: list[bytes] = []

    async def GetVim(self, request: pb.GetVimRequest, context: grpc.aio.ServicerContext[Any, Any]) -> pb.GetVimResponse:  # noqa: N802, ARG002 - as gRPC calls it
        self._stumble()
        return pb.GetVimResponse()

    def _stumble(self) -> None:
        match self._fault:
            case "raises":
                raise ValueError("planted")
            case "spins":
                until = time.process_time() + _SPIN_S
                while time.process_time() < until:
                    pass
            case "keeps":
                self._kept.append(b"a" * _KEPT_BYTES)
            case "ends":
                os._exit(1)


async def main() -> None:
    # Its output is read up to the first line.
    to_stderr = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()], logger_factory=to_stderr)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    edge: Any = GuardedServer(server, Rules())
    add_VimServiceServicer_to_server(Planted(sys.argv[1]), edge)  # type: ignore[abstract]  # nothing else is called
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, os.getpid(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(main())
