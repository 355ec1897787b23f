"""Which call a process is said to work on."""

from __future__ import annotations

from pathlib import Path

from vimesh.watchdog.calls import Calls
from vimesh.watchdog.work_record import open_record, read_work


def test_the_newest_call_under_way_is_what_is_worked_on(tmp_path: Path) -> None:
    path = tmp_path / "conductor.work"

    def text() -> str | None:
        work = read_work(path)
        return None if work is None else work.text

    with open_record(path) as opened:
        calls = Calls(opened.record)
        first, second, third = calls.begin("/A"), calls.begin("/B"), calls.begin("/C")
        assert text() == "/C"
        calls.end(second)
        assert text() == "/C"
        calls.end(third)
        assert text() == "/A"
        with calls.track("/D"):
            assert text() == "/D"
        calls.end(first)
        calls.end(first)
        assert text() is None
        assert calls.newest == "/D"
