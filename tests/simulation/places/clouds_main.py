"""Serves all VIMs: one port without TLS, and one with TLS for each zone that has certificates.

Arguments: `PORT` or `PORT=FILE`, the latter with a certificate and its key. Orders are lines of JSON on the standard
input: {"unavailable": [address, …]} names the addresses that answer 503 from now on, and {"certificate": [port, FILE]}
replaces a certificate. Each is answered by a line. It runs until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from contextlib import closing, suppress

_AHEAD = -5
_REQUEST_S = 30.0


class Clouds:
    def __init__(self) -> None:
        self._unavailable: frozenset[str] = frozenset()
        self._contexts: dict[int, ssl.SSLContext] = {}

    async def listen(self, argument: str) -> None:
        port, _, file = argument.partition("=")
        context = None
        if file:
            context = self._contexts[int(port)] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
        await asyncio.start_server(self._serve, "0.0.0.0", int(port), ssl=context, backlog=4096)

    def obey(self, line: bytes) -> None:
        ((verb, what),) = json.loads(line).items()
        if verb == "unavailable":
            self._unavailable = frozenset(what)
        elif verb == "certificate":
            port, file = what
            self._contexts[port].load_cert_chain(file)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A prober that only connects hangs up at once, and one that does not believe a certificate does so as well.
        with closing(writer), suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            address = writer.get_extra_info("sockname")[0]
            async with asyncio.timeout(_REQUEST_S):
                await reader.readuntil(b"\r\n\r\n")
            word = b"503 Service Unavailable" if address in self._unavailable else b"300 Multiple Choices"
            # No connection lasts, so that a certificate that was replaced is seen.
            writer.write(b"HTTP/1.1 " + word + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()


async def main() -> None:
    # They must be found up: other work of the machine must not make them look down.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _AHEAD)
    clouds = Clouds()
    for argument in sys.argv[1:]:
        await clouds.listen(argument)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)
    while line := await orders.readline():
        clouds.obey(line)
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
