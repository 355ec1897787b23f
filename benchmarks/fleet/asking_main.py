"""Reads VIMs through the front, and writes them and the time taken: `asking_main.py ADDRESS OUTPUT WHAT COUNT`.

WHAT is `snapshot` or a filter. A COUNT above 0 reads that many, starting with those whose status changed last. Prints
{"seconds", "count", "slowest_s"} as JSON. Runs inside the fleet's namespace; see asking.py.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from vimesh.client.calls.front_stubs import Front, connected
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

_PAGE = 1000
_CALL_S = 30.0
_SNAPSHOT_S = 120.0


async def main(address: str, what: str, count: int) -> tuple[list[Vim], dict[str, float]]:
    async with connected(address, _CALL_S) as front:
        begun = before = time.perf_counter()
        slowest_s, vims = 0.0, list[Vim]()
        async for page in _snapshot(front) if what == "snapshot" else _pages(front, what, count):
            vims += page
            now = time.perf_counter()
            slowest_s, before = max(slowest_s, now - before), now
        seconds = time.perf_counter() - begun
    return vims, {"seconds": seconds, "count": len(vims), "slowest_s": slowest_s}


async def _pages(front: Front, filter_: str, count: int) -> AsyncIterator[Sequence[Vim]]:
    order = "status_time desc" if count else ""
    token, read = "", 0
    while True:
        request = pb.ListVimsRequest(filter=filter_, order_by=order, page_size=_PAGE, page_token=token)
        page = await front.vims.ListVims(request, timeout=front.timeout_s)
        yield page.vims
        read += len(page.vims)
        if not (token := page.next_page_token) or read >= count > 0:
            return


async def _snapshot(front: Front) -> AsyncIterator[Sequence[Vim]]:
    async for answer in front.vims.WatchVims(pb.WatchVimsRequest(snapshot=True), timeout=_SNAPSHOT_S):
        yield answer.vims
        if answer.revision:
            return


def _row(vim: Vim) -> str:
    contact, status = vim.monitor.contact_time, vim.status_time
    times = contact.ToMicroseconds() / 1e6, status.ToMicroseconds() / 1e6
    return json.dumps([vim.id, vim.auth_url, Vim.Status.Name(vim.status), *times]) + "\n"


if __name__ == "__main__":
    found, timed = asyncio.run(main(sys.argv[1], sys.argv[3], int(sys.argv[4])))
    Path(sys.argv[2]).write_text("".join(_row(vim) for vim in found))
    sys.stdout.write(json.dumps(timed) + "\n")
