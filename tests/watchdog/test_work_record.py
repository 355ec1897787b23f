"""What a process worked on can be read when it is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from vimesh.watchdog.work_record import MAX_TEXT_BYTES, SIZE_BYTES, open_record, private_record, read_work, record_path

VIM = "c411c64a-ebcc-4f5b-927d-80a77af57a94"
IN_THE_MIDST = f"""
import pathlib, signal, sys, time
from vimesh.watchdog.work_record import open_record
with open_record(pathlib.Path(sys.argv[1])) as opened:
    opened.record.begin(time.monotonic(), b"another, with a longer name than the one that follows")
    opened.record.begin(time.monotonic(), b"{VIM}")
    print("in the midst", flush=True)
    signal.pause()
"""


def test_a_record_survives_a_kill_in_the_middle_of_a_step(tmp_path: Path) -> None:
    path = tmp_path / "work" / "monitor.work"
    before = time.monotonic()
    child = subprocess.Popen([sys.executable, "-c", IN_THE_MIDST, str(path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"in the midst\n"
        living = read_work(path)
        with open_record(path) as second:
            assert second.path is None, "two processes must not share a record"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate(timeout=10)

    assert living is not None
    assert living.text == VIM
    assert before < living.began_at < time.monotonic()
    assert read_work(path) == living
    with open_record(path) as opened:
        assert opened.unfinished == living
        assert read_work(path) is None
    with open_record(path) as opened:
        assert opened.unfinished is None


def test_what_is_ended_is_not_accused(tmp_path: Path) -> None:
    path = tmp_path / "monitor.work"
    with open_record(path) as opened:
        opened.record.begin(1.5, VIM.encode())
        opened.record.clear()
        assert read_work(path) is None
        opened.record.begin(2.5, VIM.encode())

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_work(path) is None, "a process that ends by itself has nothing under way"


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\xff" * SIZE_BYTES, os.urandom(SIZE_BYTES), b"\0" * SIZE_BYTES, b"\x7f" * 100_000]
)
def test_a_file_of_something_else_is_no_record(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "monitor.work"
    path.write_bytes(content)

    with open_record(path) as opened:
        assert opened.path == path
        opened.record.begin(3.0, b"/vimesh.v1.VimService/GetVim")
        work = read_work(path)

    assert work is not None
    assert work.text == "/vimesh.v1.VimService/GetVim"
    assert path.stat().st_size == SIZE_BYTES


def test_texts_of_any_length_are_cut_to_what_there_is_room_for(tmp_path: Path) -> None:
    path = tmp_path / "api.work"
    with open_record(path) as opened:
        opened.record.begin(1.0, b"/" + b"a" * 10_000)
        work = read_work(path)
    private_record().begin(1.0, b"x" * 10_000)

    assert work is not None
    assert work.text == "/" + "a" * (MAX_TEXT_BYTES - 1)


def test_a_place_that_cannot_be_written_is_told_and_work_goes_on() -> None:
    with capture_logs() as logs, open_record(Path("/dev/null/monitor.work")) as opened:
        opened.record.begin(1.0, VIM.encode())

    assert opened.path is None
    assert "no record of work is kept" in logs[0]["event"]


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, None),
        ({"VIMESH_WORK_RECORD": "/a/b", "STATE_DIRECTORY": "/s"}, Path("/a/b")),
        ({"STATE_DIRECTORY": "/s:/t", "RUNTIME_DIRECTORY": "/r"}, Path("/s/monitor.work")),
        ({"RUNTIME_DIRECTORY": "/r"}, Path("/r/monitor.work")),
    ],
)
def test_where_a_record_is(environment: dict[str, str], path: Path | None) -> None:
    assert record_path(environment, "monitor") == path
