from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.callers.running import ends_of, has_ended, running

pytestmark = pytest.mark.fleet

DEMO = ("demo", "--port", "0")


def test_a_demo_shows_vims_come_and_go_also_after_one_that_was_killed(tmp_path: Path) -> None:
    again = (*DEMO, "--data-dir", "demo", "--conductors", "1")
    began = time.monotonic()
    with running(tmp_path, *again) as demo:
        assert str(tmp_path / "demo" / "fleet.log") in demo.line_with("fleet.log")
        demo.line_with("demo-north", "PENDING -> REACHABLE")
        demo.line_with("demo-south", "REACHABLE -> UNREACHABLE", "REFUSED")
        # A few seconds, on a machine that does nothing else.
        assert time.monotonic() - began < 60
        demo.process.kill()

    # Time enough for a busy machine, and over before the script lets an endpoint come back.
    with running(tmp_path, *again, "--duration", "8s") as demo:
        assert demo.ended() == 0
        assert sum("-> REACHABLE" in line for line in demo.lines) == 3
    assert "conductor-1" in (tmp_path / "demo" / "fleet.log").read_text()


def test_a_demo_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, *DEMO, TMPDIR=str(tmp_path)) as demo, ends_of([demo.process.pid]) as (handle,):
        demo.line_with("starting a fleet")
        demo.interrupt()
        assert has_ended(handle, 12)
        assert demo.ended() == 0

    assert not list(tmp_path.glob("vimesh-demo-*"))
