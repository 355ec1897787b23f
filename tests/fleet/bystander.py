"""Registers many VIMs with a fleet, and says what it was shown of them: runs inside the fleet's network namespace.

Prints one JSON line when all are reachable, reads how many go dark, and when so many are unreachable prints another:
the status of each, and when it was shown.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
import time

from tests.support.callers.recorder import Recorder, recording
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import Client, client_at
from vimesh.v1 import vim_pb2

_AT_ONCE = 32


async def register_all(client: Client, addresses: list[str], port: int) -> dict[str, str]:
    """Return the address of each VIM by its id."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def register(address: str) -> tuple[str, str]:
        async with gate:
            vim = await client.register(name=address, auth_url=f"http://{address}:{port}/v3")
            return vim.id, address

    return dict(await asyncio.gather(*map(register, addresses)))


async def main(front: str, count: int) -> None:
    addresses = [str(ipaddress.ip_address("127.1.0.0") + n) for n in range(count)]
    async with client_at(front) as client, fake_api("0.0.0.0") as api, recording(client) as seen:
        changed: dict[str, float] = {}
        seen.on_event = lambda event: changed.__setitem__(event.vim_id, time.monotonic())
        of_vim = await register_all(client, addresses, api.port)
        await seen.until(lambda: statuses(seen, of_vim) == {"REACHABLE": count}, 60)
        print(json.dumps({"addresses": addresses}), flush=True)
        dark = json.loads(await asyncio.to_thread(sys.stdin.readline))
        await seen.until(lambda: statuses(seen, of_vim).get("UNREACHABLE", 0) >= dark, 60)
        seen.check_order()
        last = {
            of_vim[vim_id]: [vim_pb2.Vim.Status.Name(status), changed[vim_id]] for vim_id, status in seen.status.items()
        }
        print(json.dumps(last), flush=True)


def statuses(seen: Recorder, of_vim: dict[str, str]) -> dict[str, int]:
    found = [vim_pb2.Vim.Status.Name(seen.status[vim_id]) for vim_id in of_vim if vim_id in seen.status]
    return {name: found.count(name) for name in set(found)}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
