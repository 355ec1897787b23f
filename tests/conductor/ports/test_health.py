"""Health on a port of its own: right while the loop is busy, held or gone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.support.callers.commands import Command
from tests.support.callers.running import running
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.conductor.ports.vitals import Vitals
from vimesh.domain.errors import BadSetting
from vimesh.rpc.ports.health_port import answering_health
from vimesh.rpc.ports.loop_vitals import BLOCKED_S

SERVICES = ("", "vimesh.v1.ConductorService")
UP, DOWN = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def stub_at(port: int) -> Generator[HealthStub]:
    """Ask from another thread than the loop's: this channel needs no loop."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield HealthStub(channel)


def ask(stub: HealthStub, service: str = "", within_s: float = 10) -> int:
    return stub.Check(HealthCheckRequest(service=service), timeout=within_s, wait_for_ready=True).status  # type: ignore[no-any-return]  # the library has no types


@asynccontextmanager
async def answered(vitals: Vitals) -> AsyncGenerator[HealthStub]:
    async with answering_health("127.0.0.1:0", vitals, SERVICES) as port:
        with stub_at(port) as stub:
            yield stub


def hold(for_s: float) -> None:
    """Keep the thread, and the interpreter's lock as often as it is given, as a call that computes does."""
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        pass


async def test_a_loop_that_is_held_for_two_seconds_still_serves(tmp_path: Path) -> None:
    settings = ConductorSettings(drain_s=0, grace_s=1)
    said: list[int] = []
    done = threading.Event()

    def ask_on(stub: HealthStub) -> None:
        while not done.is_set():
            said.append(ask(stub))

    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, serving(store, settings) as ports:
        with stub_at(ports.health) as stub:
            await asyncio.to_thread(_until, lambda: ask(stub) == UP)
            asking = asyncio.create_task(asyncio.to_thread(ask_on, stub))
            await asyncio.to_thread(_until, lambda: bool(said))
            before = len(said)
            hold(2)
            meanwhile = said[before:]
            # The database is asked again as well: its answers could not be heard, and this is no fault of it.
            await asyncio.to_thread(_until, lambda: len(said) > len(meanwhile) + before + 100)
            done.set()
            await asking

    assert len(meanwhile) > 10
    assert set(said) == {UP}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_loop_that_is_held_for_longer_does_not_serve(service: str) -> None:
    clock = Watch()
    vitals = Vitals(clock=clock)
    vitals.database_works = True
    async with answered(vitals) as stub:
        said = []
        for passed_s in (0, BLOCKED_S - 0.1, 0.2):
            clock.now_s += passed_s
            said.append(await asyncio.to_thread(ask, stub, service))
        vitals.beat()
        said.append(await asyncio.to_thread(ask, stub, service))

    assert said == [UP, UP, DOWN, UP]


async def test_what_is_no_message_is_refused_however_often_it_comes() -> None:
    vitals = Vitals()
    vitals.database_works = True

    def ask_badly(port: int) -> list[grpc.StatusCode]:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            # More often than one connection may have calls under way.
            check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
            codes = []
            for _ in range(40):
                with pytest.raises(grpc.RpcError) as caught:
                    check(b"\xff\xff\xff", timeout=30)
                codes.append(caught.value.code())
            assert ask(HealthStub(channel)) == UP
            return codes

    async with answering_health("127.0.0.1:0", vitals, SERVICES) as port:
        codes = await asyncio.to_thread(ask_badly, port)

    assert set(codes) == {grpc.StatusCode.INVALID_ARGUMENT}


async def test_draining_and_a_database_that_is_away_do_not_serve() -> None:
    vitals = Vitals()
    async with answered(vitals) as stub:
        assert await asyncio.to_thread(ask, stub) == DOWN
        vitals.database_works = True
        assert await asyncio.to_thread(ask, stub) == UP
        vitals.draining = True
        assert await asyncio.to_thread(ask, stub) == DOWN


async def test_a_service_that_nobody_knows_is_not_found() -> None:
    async with answered(Vitals()) as stub:
        with pytest.raises(grpc.RpcError) as caught:
            await asyncio.to_thread(ask, stub, "vimesh.v1.NoService")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_health_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        answering_health("127.0.0.1:0", Vitals(), SERVICES) as port,
    ):
        with pytest.raises(BadSetting, match="health_listen"):
            async with serving(store, ConductorSettings(health_listen=f"127.0.0.1:{port}", drain_s=0)):
                pass


def test_a_conductor_that_is_stopped_answers_nothing(tmp_path: Path) -> None:
    vimesh = Command(tmp_path)
    url = ("--database-url", "sqlite:///vimesh.sqlite")
    vimesh("db", "make-key", "fleet.key")
    vimesh("db", "upgrade", *url)
    flags = ("--key-file", "fleet.key", *url, "--listen", "127.0.0.1:0", "--log-format", "json")
    with running(vimesh.folder, "conductor", *flags, "--health-listen", "127.0.0.1:0") as conductor:
        port = json.loads(conductor.line_with("conductor is serving"))["health_port"]
        with stub_at(port) as stub:
            _until(lambda: ask(stub) == UP)
            os.kill(conductor.process.pid, signal.SIGSTOP)
            # Until it has stopped as a whole, one of its threads may still answer.
            os.waitid(os.P_PID, conductor.process.pid, os.WSTOPPED | os.WNOWAIT)
            try:
                with pytest.raises(grpc.RpcError) as caught:
                    ask(stub, within_s=1)
            finally:
                os.kill(conductor.process.pid, signal.SIGCONT)
            _until(lambda: ask(stub) == UP)
            conductor.process.terminate()
            _until(lambda: ask(stub) == DOWN)
        assert conductor.ended() == 0

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def _until(holds: Callable[[], bool], within_s: float = 10) -> None:
    """Ask again and again, in a thread of its own."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
