"""Runs the unmodified `openstack` command and Tacker's client library, in an environment of their own."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BIN = Path(__file__).parents[3] / ".cache" / "openstack" / "bin"
_LIMIT_S = 60


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - what JSON holds
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class OpenStack:
    """A user without Keystone."""

    folder: Path
    address: str
    auth: tuple[str, ...] = ("--os-auth-type", "none")

    async def __call__(self, *arguments: str) -> Ended:
        return await _run(self.folder, _BIN / "openstack", *self.auth, "--os-endpoint", self.url, *arguments)

    async def script(self, text: str) -> Ended:
        """Run a Python script with our address as its argument, in an environment with Tacker's client."""
        return await _run(self.folder, _BIN / "python", "-c", text, self.url)

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@dataclass(frozen=True)
class KeystoneUser:
    """A user who logs in at Keystone, whose catalog says where Tacker is."""

    folder: Path
    flags: tuple[str, ...]

    async def __call__(self, *arguments: str) -> Ended:
        return await _run(self.folder, _BIN / "openstack", "--os-auth-type", "password", *self.flags, *arguments)


async def _run(folder: Path, *command: str | Path) -> Ended:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return Ended(process.returncode or 0, out.decode(), err.decode())
