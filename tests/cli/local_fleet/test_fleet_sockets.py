"""Nothing of an embedded fleet is reached but its front, by nobody (G14)."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet, fleet
from tests.support.timing.waiting import until

NOBODY = 65534
_LISTEN = "0A"


@pytest.fixture
def open_folder() -> Generator[Path]:
    """Give a folder with a short path that every user may enter, as a home directory is on many machines."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def listening_ports(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
        except FileNotFoundError:
            continue  # closed since
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == _LISTEN and line[9] in inodes}


@contextmanager
def files_seen_as(user: int) -> Generator[None]:
    """Let this thread see files, and sockets among them, as another user does."""
    libc = ctypes.CDLL(None)
    libc.setfsgid(user)
    libc.setfsuid(user)
    try:
        assert libc.setfsuid(-1) == user
        yield
    finally:
        libc.setfsuid(0)
        libc.setfsgid(0)


def test_only_the_front_listens_on_a_port(shared_fleet: Fleet) -> None:
    ports = {part["name"]: listening_ports(part["pid"]) for part in shared_fleet.state["processes"]}

    front = int(shared_fleet.address.rpartition(":")[2])
    assert ports.pop("envoy") == {front}
    assert set(ports) == {"conductor-1", "conductor-2", "api", "monitor", "notifier", "console"}
    assert set().union(*ports.values()) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_of_the_machine_gets_into_no_socket(open_folder: Path) -> None:
    with fleet(open_folder) as up:
        # The fleet is ready before its monitor and its notifier are.
        for name in ("monitor", "notifier"):
            await until((up.data_dir / "sockets" / f"{name}.metrics").exists, 30)
        sockets = [path for path in up.data_dir.rglob("*") if stat.S_ISSOCK(path.stat().st_mode)]
        assert {path.name for path in sockets} == {
            *("reports", "api", "console", "conductor-1", "conductor-1.health", "conductor-2", "conductor-2.health"),
            *("envoy.admin", "api.metrics", "conductor-1.metrics", "conductor-2.metrics", "monitor.metrics"),
            *("notifier.metrics", "console.metrics"),
        }
        # Each socket is guarded, even if the folder were not.
        for folder in (up.data_dir, up.data_dir / "sockets"):
            assert folder.stat().st_mode & 0o077 == 0
        with files_seen_as(NOBODY):
            for path in sockets:
                with pytest.raises(PermissionError), socket.socket(socket.AF_UNIX) as caller:
                    caller.connect(str(path))


def test_a_data_directory_with_a_long_path_serves_too(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with fleet(deep, "--conductors", "1") as up:
        user = Command(tmp_path, {"VIMESH_ADDRESS": up.address})
        assert user("vim", "list").code == 0
        address = next(part["address"] for part in up.state["processes"] if part["name"] == "conductor-1")
        folder = Path(address.removeprefix("unix:")).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        assert up.data_dir not in folder.parents

    assert not folder.exists()


def test_sockets_of_a_fleet_that_was_killed_are_in_nobodys_way(open_folder: Path) -> None:
    with fleet(open_folder, "--conductors", "2") as up:
        up.process.kill()
        up.ended(within_s=10)
    assert (up.data_dir / "sockets" / "conductor-2").exists()

    with fleet(open_folder, "--conductors", "1") as up:
        assert not (up.data_dir / "sockets" / "conductor-2").exists()
        assert Command(open_folder)("vim", "list", "--address", up.address).code == 0
