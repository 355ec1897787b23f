"""A VIM on which the monitor ended twice: everybody can see which it is, and that it is left alone."""

from __future__ import annotations

import mmap
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet, fleet
from vimesh.watchdog.work_record import SIZE_BYTES, WorkRecord

pytestmark = pytest.mark.fleet


def die_in_the_midst_of_work_on(vim_id: str, up: Fleet) -> None:
    """Let the monitor end as if a step of work on the VIM had never come to an end."""
    monitor = up.pid_of("monitor")
    os.kill(monitor, signal.SIGSTOP)
    with (
        (up.data_dir / "work" / "monitor.work").open("r+b") as file,
        mmap.mmap(file.fileno(), SIZE_BYTES) as mapped,
    ):
        record = WorkRecord(mapped)
        record.begin(time.monotonic(), vim_id.encode())
        os.kill(monitor, signal.SIGKILL)
        up.line_with("the previous process ended while it worked on a VIM", vim_id)
        up.line_with("monitor started")
        record.close()


def test_a_vim_on_which_the_monitor_ended_twice_is_set_aside_and_can_be_told_from_the_list(tmp_path: Path) -> None:
    with fleet(tmp_path, "--conductors", "1") as up:
        user = Command(tmp_path, {"VIMESH_ADDRESS": up.address})
        for name, port in (("culprit", 9), ("neighbour", 10)):
            url = f"http://127.0.0.1:{port}/v3"
            assert user("vim", "register", name, "--auth-url", url, "--wait", "UNREACHABLE").code == 0
        vim_id = user("vim", "show", "culprit", "-o", "json").json["id"]

        die_in_the_midst_of_work_on(vim_id, up)
        die_in_the_midst_of_work_on(vim_id, up)

        assert user("vim", "wait", "culprit", "--for", "UNKNOWN").code == 0
        listed = {line.split()[1]: line for line in user("vim", "list").out.splitlines()}
        assert "UNKNOWN" in listed["culprit"]
        assert "LOCAL_SET_ASIDE" in listed["culprit"]
        assert "UNREACHABLE" in listed["neighbour"]
        detail = user("vim", "show", "culprit", "-o", "json").json["detail"]
        twice = "until the monitor ended and until the monitor ended"
        assert detail.startswith(f"its answers held the monitor {twice}; it is tried again at ")
        # Another address is another server.
        assert user("vim", "set", "culprit", "--auth-url", "http://127.0.0.1:11/v3").code == 0
        assert user("vim", "wait", "culprit", "--for", "UNREACHABLE").code == 0
