"""Looks names up: reads names as lines, writes addresses or the kind of failure as lines of JSON."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.support.probers.lookups import lookups


async def _main() -> None:
    names = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(names), sys.stdin)
    with lookups() as system:
        while line := await names.readline():
            outcome = await system.ask(line.decode().strip())
            told = [host.ip for host in outcome] if isinstance(outcome, tuple) else type(outcome).__name__
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
