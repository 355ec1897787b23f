"""Runs a real Mistral on a free loopback port, with our action installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.clouds.targets import free_port

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".cache/mistral/bin/python"
"""Made by `make .cache/mistral/.ready`."""
COMMAND = PYTHON.with_name("mistral")
"""python-mistralclient's own command line."""
_START_S = 60
_STOP_S = 10

_CONF = """
[DEFAULT]
transport_url = {transport_url}
rpc_response_timeout = 30
executor_thread_pool_size = {pool}
log_file = {folder}/mistral.log
[database]
connection = sqlite:///{folder}/mistral.sqlite
[pecan]
auth_enable = false
[api]
host = 127.0.0.1
port = {port}
validation_mode = disabled
[cron_trigger]
enabled = false
run_in_api = false
[engine]
execution_integrity_check_delay = -1
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:1/
"""


def write_configuration(folder: Path, *, port: int, pool: int = 64, transport_url: str = "fake://") -> Path:
    """Write the configuration of a Mistral with its files in a folder; return the path."""
    file = folder / "mistral.conf"
    file.write_text(_CONF.format(folder=folder, port=port, pool=pool, transport_url=transport_url))
    return file


def environment_of_mistral(folder: Path, plugin: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for Mistral's processes; `plugin` is the configuration of our action."""
    return {"PATH": f"{PYTHON.parent}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), **plugin}


@dataclass(frozen=True)
class RunningMistral:
    url: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid


@asynccontextmanager
async def running_mistral(
    folder: Path, environment: Mapping[str, str], *, port: int = 0, pool: int = 64
) -> AsyncGenerator[RunningMistral]:
    """Start Mistral with its files in a folder (where it finds them again later), and stop it by its pid.

    `environment` is the configuration of the plugin, such as VIMESH_ADDRESS; it may probe this machine.
    """
    port = port or free_port()
    conf = write_configuration(folder, port=port, pool=pool)
    with (folder / "mistral.out").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            PYTHON,
            ROOT / "tests/support/mistral/mistral_server.py",
            conf,
            env=environment_of_mistral(folder, {"VIMESH_PROBE_ALLOW": "127.0.0.0/8", **environment}),
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        assert line == b"ready\n", (folder / "mistral.out").read_text()
        yield RunningMistral(f"http://127.0.0.1:{port}/v2", process, folder / "mistral.log")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
