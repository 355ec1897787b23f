"""Each kind of process under a supervisor that speaks as systemd does: the test."""

from __future__ import annotations

import re
import secrets
import signal
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import Running, running
from tests.support.clouds.targets import free_port

LIMIT_US = 1_500_000


class Systemd:
    """Listens where a unit of Type=notify is told to speak."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self._listener = listener
        self.environment = {
            "NOTIFY_SOCKET": "@" + listener.getsockname()[1:].decode(),
            "WATCHDOG_USEC": str(LIMIT_US),
            "STATE_DIRECTORY": str(folder / "state"),
        }

    def hears(self) -> str:
        return self._listener.recv(1024).decode()

    def hears_at_last(self, wanted: str) -> None:
        while self.hears() != wanted:
            pass


@pytest.fixture
def systemd(tmp_path: Path) -> Generator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(30)
        listener.bind(f"\0vimesh-test-{secrets.token_hex(8)}")
        yield Systemd(tmp_path, listener)


def lives_as_a_service(systemd: Systemd, process: Running) -> None:
    systemd.hears_at_last("READY=1")
    for _ in range(4):
        assert systemd.hears() == "WATCHDOG=1"
    process.process.send_signal(signal.SIGTERM)
    systemd.hears_at_last("STOPPING=1")
    assert process.ended() == 0


def test_a_conductor(systemd: Systemd, tmp_path: Path) -> None:
    user = Command(tmp_path)
    url, key = f"sqlite:///{tmp_path / 'vimesh.sqlite'}", str(tmp_path / "key")
    assert user("db", "upgrade", "--database-url", url).code == 0
    assert user("db", "make-key", key).code == 0
    flags = ("--listen", "127.0.0.1:0", "--database-url", url, "--key-file", key)

    with running(tmp_path, "conductor", *flags, **systemd.environment) as process:
        lives_as_a_service(systemd, process)

    assert (tmp_path / "state" / "conductor.work").is_file()


@pytest.mark.parametrize(
    "command",
    [
        ("monitor", "--address"),
        ("notify", "--address"),
        ("api", "--listen", "127.0.0.1:0", "--address"),
        ("console", "--listen", "127.0.0.1:0", "--address"),
        ("bridge", "--transport-url", "rabbit://nobody:x@127.0.0.1:9/", "--state-dir", "state/bridge", "--address"),
    ],
    ids=lambda command: command[0],
)
def test_a_client_of_the_front(systemd: Systemd, tmp_path: Path, command: tuple[str, ...]) -> None:
    with running(tmp_path, *command, f"127.0.0.1:{free_port()}", **systemd.environment) as process:
        lives_as_a_service(systemd, process)

    name = {"notify": "notifier"}.get(command[0], command[0])
    assert (tmp_path / "state" / f"{name}.work").is_file()


def test_a_process_that_is_ended_by_the_watchdog_shows_where_it_was(systemd: Systemd, tmp_path: Path) -> None:
    with running(tmp_path, "monitor", "--address", f"127.0.0.1:{free_port()}", **systemd.environment) as process:
        systemd.hears_at_last("READY=1")
        process.process.send_signal(signal.SIGABRT)
        assert process.ended() == -signal.SIGABRT

    assert any("most recent call first" in line for line in process.lines)
    assert any(re.search(r"asyncio/\w+\.py", line) for line in process.lines)
