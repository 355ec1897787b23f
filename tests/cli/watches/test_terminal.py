"""What is shown on a real (pseudo) terminal."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.cli.targets import Target
from tests.support.callers.commands import Command
from tests.support.callers.pseudo_terminal import PseudoTerminal

pytestmark = pytest.mark.fleet


def test_watch_keeps_a_table_up_to_date_and_ctrl_c_ends_it_well(user: Command, cloud: Target) -> None:
    user("vim", "register", "on-screen", "--auth-url", cloud.auth_url, "--interval", "500ms", "--timeout", "200ms")
    user("vim", "wait", "on-screen", "--for", "REACHABLE")
    with closing(PseudoTerminal(user, "vim", "watch", "on-screen")) as terminal:
        terminal.shows("1 REACHABLE")
        terminal.shows("on-screen")

        cloud.go()
        terminal.shows("1 UNREACHABLE")
        terminal.shows("REFUSED")

        assert terminal.interrupt() == 0
    assert "\x1b[32mREACHABLE" in terminal.seen
