"""Runs a private nginx on free loopback ports, as operators put it in front of the front."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.clouds.targets import free_port, listens
from tests.support.timing.waiting import eventually

LIMIT_S = 20.0
_CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  large_client_header_buffers 4 64k;
  server {{ listen {address} {listen}; {server} }}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, server: str, *, listen: str = "") -> AsyncGenerator[str]:
    """Run it with the content of a `server` block, and options after the address in `listen`; yields its `ip:port`."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, address=address, listen=listen, server=server))
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert binary, "nginx is not installed"
    process = await asyncio.create_subprocess_exec(
        *(binary, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)), stdout=PIPE, stderr=STDOUT
    )
    try:
        await eventually(lambda: listens(port), LIMIT_S)
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
