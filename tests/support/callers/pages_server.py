"""Serves lists of VIMs whose pages a test decides on, as any server might."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

Page = Callable[[int], tuple[Sequence[Vim], bool]]
"""Takes the number of the page, from 0; returns its VIMs, and whether there is another one."""


@contextmanager
def serving_pages(page: Page) -> Generator[str]:
    """Serve while the block runs; yield the address."""

    def list_vims(request: pb.ListVimsRequest, _context: grpc.ServicerContext) -> pb.ListVimsResponse:
        number = int(request.page_token or 0)
        vims, has_next = page(number)
        return pb.ListVimsResponse(vims=vims, next_page_token=str(number + 1) if has_next else "")

    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "ListVims": grpc.unary_unary_rpc_method_handler(
            list_vims, pb.ListVimsRequest.FromString, pb.ListVimsResponse.SerializeToString
        )
    }
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("vimesh.v1.VimService", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait(10)
