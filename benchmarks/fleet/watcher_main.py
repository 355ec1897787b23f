"""Watches all VIMs through the front, and writes each change as a line of JSON: `watcher_main.py ADDRESS [REVISION]`.

A line contains a change and the time at which it arrived; the watch covers every change after the revision, or from now
on. Runs inside the fleet's namespace; see watcher.py.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from vimesh.client.calls.front_stubs import connected
from vimesh.client.watches.resumable_watch import WatchPosition, watch
from vimesh.v1 import vim_pb2

_CALL_S = 10.0


async def main(address: str, after: int | None) -> None:
    async with connected(address, _CALL_S) as front:
        async for shown in watch(front, after=None if after is None else WatchPosition(after)):
            answer, now = shown.answer, time.time()
            if answer.events:
                sys.stdout.write("".join(_line(event, now) for event in answer.events))
            elif answer.revision:
                sys.stdout.write(json.dumps([now, answer.revision]) + "\n")
            sys.stdout.flush()


def _line(event: vim_pb2.VimEvent, now: float) -> str:
    kind, status = vim_pb2.VimEvent.Kind.Name(event.kind), vim_pb2.Vim.Status.Name(event.status)
    return json.dumps([now, event.revision, event.vim_id, kind, status, event.reason]) + "\n"


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))
