"""The manual pages are well-formed, and show what `--help` says."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from docs.generator.commands_page import CommandHelp, commands
from docs.generator.make_reference import MAN_FOLDER

_PAGES = sorted(MAN_FOLDER.iterdir())
_UNDATED = 'missing date, using "": TH'
"""With a date, a page would differ from one day to the next."""
_OVERSTRUCK = re.compile(r".\x08")
_WIDTH = 1000


def _mandoc(*arguments: str | Path) -> str:
    done = subprocess.run(["mandoc", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert not done.stderr
    return done.stdout


def _shown(page: Path) -> str:
    return " ".join(_OVERSTRUCK.sub("", _mandoc("-Tascii", "-O", f"width={_WIDTH}", page)).split())


def test_mandoc_has_nothing_to_say_against_the_pages() -> None:
    complaints = [line for line in _mandoc("-Tlint", "-W", "warning", *_PAGES).splitlines() if _UNDATED not in line]

    assert not complaints


def test_mandoc_says_something_against_a_bad_page(tmp_path: Path) -> None:
    page = tmp_path / "bad.1"
    page.write_text(_PAGES[0].read_text().replace(".SH SYNOPSIS", ".SHH SYNOPSIS"))

    assert "skipping unknown macro: .SHH" in _mandoc("-Tlint", "-W", "warning", page)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_a_page_shows_its_commands_as_they_are_typed(page: Path) -> None:
    shown = _shown(page)

    for command in _commands_of(page):
        assert command.usage in shown
        for flag in command.flags:
            assert " ".join(f"{flag.usage} {flag.help}".split()) in shown
        for word in (*command.help.split(), *command.epilog.split()):
            assert word == "\b" or word in shown


def test_each_command_has_a_page() -> None:
    told = {command.path for page in _PAGES for command in _commands_of(page)}

    assert told == {command.path for command in _every_command()}


def _commands_of(page: Path) -> list[CommandHelp]:
    """Return the command that a page is named after, and those below it."""
    return [command for command in _every_command() if command.path.split()[:2] == page.stem.split("-")]


@cache
def _every_command() -> tuple[CommandHelp, ...]:
    return tuple(commands())
