"""Opens a page in a real browser, and returns the result of its script."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.support.processes.process_groups import ProcessGroup

LIMIT_S: Final = 60.0
_NAMES: Final = ("chromium-headless-shell", "chromium", "google-chrome")
FLAGS: Final = (
    # Tests may run as root, where the sandbox of Chromium does not work; it only opens pages of tests.
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    # It connects to the test only.
    *("--disable-background-networking", "--disable-component-update"),
)


def chromium() -> str | None:
    """Return the path of the browser, or None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Page:
    """Serves a page whose script ends with `tell(result)`."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def told(self, binary: str, address: str) -> Any:  # noqa: ANN401 - what JSON holds
        """Open the page in a browser at its address, and return the result. Raises TimeoutError."""
        with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
            # With the port, it runs until it is stopped.
            profile_flags = ("--remote-debugging-port=0", f"--user-data-dir={profile}")
            command = (binary, *FLAGS, *profile_flags, f"http://{address}/")
            # The program is a script: killing only that would leave the browser running.
            group = await ProcessGroup.start(*command, environment=os.environ, output=Path(profile) / "log")
            try:
                async with asyncio.timeout(LIMIT_S):
                    return await self._told
            finally:
                await group.stop()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, which is for the page or brings the result."""
        with closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            if head.startswith("post /told "):
                length = int(head.partition("content-length:")[2].split("\r\n")[0])
                self._told.set_result(json.loads(await reader.readexactly(length)))
            body = _TEMPLATE.replace("SCRIPT", self._script).encode() if head.startswith("get / ") else b""
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n")
            writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()


_TEMPLATE = """<!DOCTYPE html><meta charset="utf-8"><script type="module">
const tell = result => fetch('/told', {method: 'POST', body: JSON.stringify(result)});
SCRIPT
</script>"""


def script(path: Path, **constants: str) -> str:
    """Read a script, and put constants before it."""
    lines = (f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return "".join(lines) + path.read_text()
