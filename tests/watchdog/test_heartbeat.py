"""The heartbeat of a loop, as a supervisor hears it."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Generator

import pytest
from structlog.testing import capture_logs

from vimesh.watchdog.heartbeat import LATE_S, Heartbeat, beating
from vimesh.watchdog.supervisor_link import Supervisor, SupervisorLink


@pytest.fixture
def listener() -> Generator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.bind(f"\0vimesh-test-{secrets.token_hex(8)}")
        yield made


def supervisor(listener: socket.socket, limit_s: float | None) -> Supervisor:
    return Supervisor("@" + listener.getsockname()[1:].decode(), limit_s)


async def test_beats_come_three_times_within_the_limit(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with SupervisorLink(supervisor(listener, 0.3)) as link, beating(link, str):
        began = time.monotonic()
        async with asyncio.timeout(10):
            for _ in range(4):
                assert await loop.sock_recv(listener, 100) == b"WATCHDOG=1"

    assert time.monotonic() - began >= 0.2, "the loop beats no more often than it has to"


class Clocks:
    """A machine on which a step takes as long as a test says, of the wall and of this thread."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 100.0

    def step(self, wall_s: float, cpu_s: float) -> None:
        self.wall_s += wall_s
        self.cpu_s += cpu_s


def lateness_told(wall_s: float, cpu_s: float, *, ready: bool = True) -> list[object]:
    """Let a loop be held between two beats; return what is logged about it."""
    clocks, loop = Clocks(), asyncio.new_event_loop()
    try:
        with SupervisorLink(Supervisor()) as link, capture_logs() as logs:
            if ready:
                link.notify_ready()
            heartbeat = Heartbeat(
                loop, link, lambda: "/ListVims", clock=lambda: clocks.wall_s, cpu_clock=lambda: clocks.cpu_s
            )
            heartbeat.start()
            clocks.step(wall_s, cpu_s)
            # The loop runs until the beat has come.
            loop.call_later(2 * LATE_S, loop.stop)
            loop.run_forever()
            heartbeat.stop()
    finally:
        loop.close()
    return [(log["event"], log["for_s"], log["newest_work"]) for log in logs]


def test_a_loop_that_was_held_says_by_what() -> None:
    assert lateness_told(1.25, 1.0) == [("the loop was held", 1.0, "/ListVims")]


@pytest.mark.parametrize(
    ("wall_s", "cpu_s"),
    [
        pytest.param(0.3, 0.3, id="busy, but in time"),
        pytest.param(60.0, 0.1, id="the machine slept"),
        pytest.param(2.0, 0.4, id="the machine was busy with others"),
    ],
)
def test_what_is_not_the_loops_doing_is_not_told(wall_s: float, cpu_s: float) -> None:
    assert lateness_told(wall_s, cpu_s) == []


def test_a_start_may_take_its_time() -> None:
    assert lateness_told(5.0, 5.0, ready=False) == []
