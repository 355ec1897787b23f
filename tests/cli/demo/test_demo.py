from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.callers.running import START_LIMIT_S, ends_of, has_ended, running
from vimesh.cli.demo.demo_script import NAMES

pytestmark = pytest.mark.fleet

DEMO = ("demo", "--port", "0")


def test_a_demo_shows_vims_come_and_go_also_after_one_that_was_killed(tmp_path: Path) -> None:
    again = (*DEMO, "--data-dir", "demo", "--conductors", "1")
    with running(tmp_path, *again) as demo:
        assert str(tmp_path / "demo" / "fleet.log") in demo.line_with("fleet.log")
        # It may have been probed already.
        demo.line_with("demo-north", "is ", within_s=START_LIMIT_S)
        demo.line_with("demo-south", "REACHABLE -> UNREACHABLE", "REFUSED")
        demo.line_with("demo-south", "UNREACHABLE -> REACHABLE")
        demo.process.kill()

    with running(tmp_path, *again) as demo:
        demo.line_with("demo-north", "is ", within_s=START_LIMIT_S)
        seen: set[str] = set()
        while seen != set(NAMES):
            line = demo.line_with("-> REACHABLE")
            seen.add(next(name for name in NAMES if name in line))
        demo.interrupt()
        assert demo.ended() == 0
    assert "conductor-1" in (tmp_path / "demo" / "fleet.log").read_text()


def test_a_demo_ends_after_its_duration(tmp_path: Path) -> None:
    with running(tmp_path, *DEMO, "--conductors", "1", "--duration", "1s") as demo:
        demo.line_with("stopping", within_s=START_LIMIT_S)
        assert demo.ended() == 0


def test_a_demo_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, *DEMO, TMPDIR=str(tmp_path)) as demo, ends_of([demo.process.pid]) as (handle,):
        demo.line_with("starting a fleet")
        demo.interrupt()
        assert has_ended(handle, 12)
        assert demo.ended() == 0

    assert not list(tmp_path.glob("vimesh-demo-*"))
