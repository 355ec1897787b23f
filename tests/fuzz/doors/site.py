"""Runs the fleet that is fuzzed from outside: a conductor, an api process and Envoy as real processes, no monitor."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from tests.fuzz.doors.known_vims import BYSTANDER_ID, VIM_IDS, registration
from tests.fuzz.doors.meter import Meter
from tests.support.amqp.brokers import running_broker
from tests.support.callers.commands import VIMESH, clean_environment
from tests.support.deployments.envoys import running_envoy
from tests.support.timing.waiting import until
from vimesh.v1.vim_service_pb2 import RegisterVimsRequest
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_CROWD = 150
_URL = "sqlite:///vimesh.sqlite"
_OF_PEERS = ("Invalid encoding on", "ExecuteBatchError raised in core")
"""Logged by gRPC for callers that send invalid text, or that disconnect: neither is our fault, nor frequent."""
_START_S, _STOP_S, _CALL_S = 30.0, 15.0, 20.0
_CONDUCTOR = re.compile(r"conductor is serving.*\bport=(?P<port>\d+).*\bhealth_port=(?P<health>\d+)")
_API = re.compile(r"api is serving.*\bport=(?P<port>\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """One of our processes, and its log."""

    name: str
    meter: Meter
    log: Path

    def defects(self) -> list[str]:
        """Return the lines of its log that report a fault of its own."""
        told = ("Traceback", "defect", "level=error", "level=critical", "[critical]")
        lines = self.log.read_text(errors="replace").splitlines()
        return [
            line for line in lines if any(map(line.__contains__, told)) and not any(map(line.__contains__, _OF_PEERS))
        ]


@dataclass(frozen=True, slots=True)
class Site:
    folder: Path
    front: str
    conductor: str
    health: str
    parts: tuple[Part, ...]
    broker_url: str = ""
    """URL of the broker that the bridge serves, if there is one."""

    def register(self) -> None:
        """Ensure that the VIMs exist that inputs name. Raises RpcError."""
        with grpc.insecure_channel(self.conductor) as channel:
            stub = VimServiceStub(channel)
            for vim_id in (*VIM_IDS, BYSTANDER_ID):
                _register(stub, vim_id)

    def populate(self) -> None:
        """Register some more VIMs, so that lists are not empty. Raises RpcError."""
        with grpc.insecure_channel(self.conductor) as channel:
            requests = [registration(str(uuid.uuid4())) for _ in range(_CROWD)]
            VimServiceStub(channel).RegisterVims(RegisterVimsRequest(requests=requests), timeout=_CALL_S)

    def defects(self) -> list[str]:
        return [f"{part.name}: {line}" for part in self.parts for line in part.defects()]


def _register(stub: VimServiceStub, vim_id: str) -> None:
    try:
        stub.RegisterVim(registration(vim_id), timeout=_CALL_S)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise


@asynccontextmanager
async def running_site(folder: Path, *, with_bridge: bool = False) -> AsyncGenerator[Site]:
    """Start all of it in an empty folder, and stop it at the end. New VIMs may use Mistral, which does not run."""
    _run(folder, "db", "make-key", "key")
    _run(folder, "db", "upgrade", "--database-url", _URL)
    async with AsyncExitStack() as parts:
        flags = ("--listen", "127.0.0.1:0", "--database-url", _URL, "--key-file", "key", "--engine", "mistral")
        conductor = parts.enter_context(_part(folder, "conductor", *flags))
        ports = await _said(conductor, _CONDUCTOR)
        address = f"127.0.0.1:{ports['port']}"
        api = parts.enter_context(_part(folder, "api", "--listen", "127.0.0.1:0", "--address", address))
        api_port = (await _said(api, _API))["port"]
        envoy = await parts.enter_async_context(running_envoy([address], api=[f"127.0.0.1:{api_port}"]))
        await envoy.until_healthy([address])
        front = Part("envoy", Meter(envoy.pid), envoy.directory / "log")
        site = Site(folder, envoy.address, address, f"127.0.0.1:{ports['health']}", (conductor, api, front))
        site.register()
        site.populate()
        yield await _bridged(site, parts) if with_bridge else site


async def _bridged(site: Site, parts: AsyncExitStack) -> Site:
    (files := site.folder / "rabbit").mkdir()
    broker = await parts.enter_async_context(running_broker(files))
    flags = ("--address", site.front, "--state-dir", "bridge", "--concurrency", "20")
    bridge = parts.enter_context(_part(site.folder, "bridge", *flags, VIMESH_BRIDGE_TRANSPORT_URL=broker.url))
    await _said(bridge, re.compile("calls are taken"))
    return replace(site, parts=(*site.parts, bridge), broker_url=broker.url)


def _run(folder: Path, *words: str) -> None:
    subprocess.run(
        [*VIMESH, *words], cwd=folder, env=clean_environment(), check=True, capture_output=True, timeout=_START_S
    )


@contextmanager
def _part(folder: Path, *words: str, **environment: str) -> Generator[Part]:
    log = folder / f"{words[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "vimesh.cli", *words],
            cwd=folder,
            env=clean_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Part(words[0], Meter(process.pid), log)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"vimesh {words[0]} did not stop:\n{log.read_text()}") from None


async def _said(part: Part, wanted: re.Pattern[str]) -> re.Match[str]:
    """Wait until a process has logged a line. Raises TimeoutError."""
    await until(lambda: wanted.search(part.log.read_text()) is not None or not part.meter.runs(), _START_S)
    said = wanted.search(part.log.read_text())
    assert said is not None, part.log.read_text()
    return said
