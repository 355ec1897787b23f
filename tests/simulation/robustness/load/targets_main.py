"""Serves a cloud API on one port of every address, until its input ends. Prints the port."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

from tests.support.clouds.targets import fake_api

_AHEAD = -5


async def main() -> None:
    # It must be found up: other work of the machine must not make it look down.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _AHEAD)
    async with fake_api("0.0.0.0") as api:
        print(api.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
