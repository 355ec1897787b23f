"""`vimesh top` as it is typed: on a real (pseudo) terminal, and where there is none."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.pseudo_terminal import PseudoTerminal
from tests.support.callers.running import fleet
from tests.support.clouds.targets import free_port

_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")
_START_S = 60.0
"""A command that imports much, on a machine that has other work."""


@pytest.mark.fleet
@pytest.mark.whole
@pytest.mark.timeout(600)
def test_a_fleet_that_goes_and_comes_back(tmp_path: Path) -> None:
    port = str(free_port())
    user = Command(tmp_path, {"VIMESH_ADDRESS": f"127.0.0.1:{port}"})
    with fleet(tmp_path, "--port", port, "--conductors", "1"):
        # Nobody reports on it, so that no lease makes its status valid for a while.
        ended = user("vim", "register", "far", "--auth-url", "http://127.0.0.1:9/v3", "--engine", "external")
        assert ended.code == 0, ended.err
        terminal = PseudoTerminal(user, "top", columns=100)
        terminal.shows("1 PENDING", within_s=_START_S)
    with closing(terminal):
        terminal.shows("NOT CONNECTED for ", within_s=_START_S)
        terminal.shows("PENDING?")
        terminal.shows("1 of 1 statuses are no longer valid")
        terminal.resize(60, 20)
        terminal.shows("NOT CONNECTED for ")

        with fleet(tmp_path, "--port", port, "--conductors", "1"):
            terminal.shows("live", within_s=_START_S)
            assert user("vim", "deregister", "far").code == 0
            terminal.shows("0 VIMs")
            terminal.type("q")
            assert terminal.ended() == 0
    assert _COLOUR.search(terminal.seen)


@pytest.mark.fleet
@pytest.mark.timeout(180)
def test_a_terminal_without_colours_and_utf_8(user: Command) -> None:
    name = "größe-東京"
    assert user("vim", "register", name, "--auth-url", "http://127.0.0.1:9/v3", "-l", "test=charset").code == 0
    plain = {"NO_COLOR": "1", "PYTHONIOENCODING": "latin-1"}
    terminal = PseudoTerminal(user, "top", "-l", "test=charset", encoding="latin-1", environment=plain)
    with closing(terminal):
        terminal.shows("größe-??  ", within_s=_START_S)
        terminal.type("?")
        terminal.shows("these keys")
        terminal.type("\x03")
        assert terminal.ended() == 0
    assert not _COLOUR.search(terminal.seen)


@pytest.mark.timeout(180)
def test_a_front_that_does_not_answer_ends_it_before_the_screen_is_cleared(vimesh: Command) -> None:
    with closing(PseudoTerminal(vimesh, "top", "--address", f"127.0.0.1:{free_port()}")) as terminal:
        terminal.shows("error: no gRPC server answers at ", within_s=_START_S)
        assert terminal.ended() == 5
    assert "\x1b[?1049h" not in terminal.seen


def test_without_a_terminal_it_names_what_to_use_instead(vimesh: Command) -> None:
    ended = vimesh("top")

    assert ended.code == 1
    assert ended.err == (
        "error: vimesh top needs a terminal with a screen\n"
        "hint: for a pipe or a file, use `vimesh vim watch` or `vimesh vim list`\n"
    )


def test_without_textual_it_says_what_to_install(vimesh: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)

    ended = vimesh("top")

    assert ended.code == 1
    assert ended.err == (
        "error: vimesh top needs Textual, which is not installed\n"
        "hint: install the extra top: `pip install 'vimesh[top]'`; without it, use `vimesh vim watch`\n"
    )


def test_an_order_that_is_none_is_named_by_its_flag(vimesh: Command) -> None:
    ended = vimesh("top", "--sort", "age")

    assert ended.code == 2
    assert ended.err == "error: --sort: must be one of status, name, since, reason, not 'age'\n"
