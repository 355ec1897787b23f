"""Serves the hostile kinds named by the arguments until its input ends. Prints the ports as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.hostile.hostile_kinds import KINDS, network_of
from tests.support.hostile.hostile_names import script_zones
from tests.support.hostile.hostile_pings import FORGERIES, forging
from tests.support.hostile.hostile_servers import serving
from tests.support.networks.name_server import name_server

NAME_SERVER = "127.0.0.53"


async def main(names: list[str]) -> None:
    kinds = [KINDS[name] for name in names]
    forged = {kind.name: network_of(kind) for kind in kinds if kind.name in FORGERIES}
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as scope:
            ports = await scope.enter_async_context(serving(kinds, Path(folder), "0.0.0.0"))
            if zones := [kind.name for kind in kinds if kind.zone]:
                script_zones(scope.enter_context(name_server(NAME_SERVER, 53)), zones)
            if forged:
                await scope.enter_async_context(forging(forged))
            print(json.dumps(ports), flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
