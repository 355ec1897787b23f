"""Lists are printed while they arrive."""

from __future__ import annotations

import io
import subprocess
import threading
from contextlib import redirect_stdout

import pytest

from tests.support.callers.commands import VIMESH, Command, clean_environment
from tests.support.callers.pages_server import serving_pages
from vimesh.cli.main import main
from vimesh.v1.vim_pb2 import Vim

_LIMIT_S = 60.0


class _Screen(io.StringIO):
    """Notes when the first VIM is printed."""

    def __init__(self) -> None:
        super().__init__()
        self.has_rows = threading.Event()

    def write(self, text: str) -> int:
        if "vim-0" in text:
            self.has_rows.set()
        return super().write(text)


@pytest.mark.parametrize("output", ["table", "wide", "name", "csv", "json", "yaml"])
def test_the_first_rows_do_not_wait_for_the_last(output: str) -> None:
    screen = _Screen()

    def page(number: int) -> tuple[list[Vim], bool]:
        # The second page comes only after the first one is on the screen.
        if number and not screen.has_rows.wait(_LIMIT_S):
            raise AssertionError("the first rows were not printed")
        return [Vim(id=str(number), name=f"vim-{number}")], number < 1

    with serving_pages(page) as address, redirect_stdout(screen), pytest.raises(SystemExit) as ended:
        main(["vim", "list", "--address", address, "-o", output])

    assert ended.value.code == 0
    assert "vim-1" in screen.getvalue()


def test_a_reader_who_has_seen_enough_ends_the_list_without_a_word(vimesh: Command) -> None:
    pages = 0

    def page(number: int) -> tuple[list[Vim], bool]:
        nonlocal pages
        pages += 1
        return [Vim(id=f"{number}-{row}", name=f"vim-{number}-{row}" * 20) for row in range(500)], True

    with serving_pages(page) as address:
        run = subprocess.Popen(
            [*VIMESH, "vim", "list", "--address", address],
            cwd=vimesh.folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert run.stdout is not None
        assert run.stderr is not None
        with run.stdout, run.stderr:
            assert run.stdout.readline().startswith(b"ID ")
            run.stdout.close()
            said = run.stderr.read()
        run.wait(_LIMIT_S)

    assert said == b""
    assert pages < 20


def test_what_arrived_before_a_failure_is_printed(vimesh: Command) -> None:
    def page(number: int) -> tuple[list[Vim], bool]:
        if number:
            raise AssertionError("the fleet breaks off")
        return [Vim(id="0", name="vim-0")], True

    with serving_pages(page) as address:
        done = vimesh("vim", "list", "-o", "name", "--address", address)

    assert (done.code, done.out) == (1, "vim-0\n")
    assert done.err.startswith("error: ")
