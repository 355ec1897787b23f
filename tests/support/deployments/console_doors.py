"""Serves a console in the test's own process, on a free loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from vimesh.http.http_listener import listening
from vimesh.http.serve_fronts import serve


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an application; yields its address."""
    stopping = asyncio.Event()
    with listening("127.0.0.1:0") as listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(app, listener, stopping.wait, drain_s=0, grace_s=1))
            try:
                yield f"127.0.0.1:{listener.getsockname()[1]}"
            finally:
                stopping.set()
