"""More VIMs than the screen has room for are scrolled through by keys, the worst first."""

from __future__ import annotations

import asyncio
import io
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.callers.commands import Command
from tests.support.callers.pseudo_terminal import PseudoTerminal
from tests.support.deployments.conductors import conductor_at
from vimesh.cli.watches.live_table import LiveTable
from vimesh.cli.watches.scroll_keys import ScrollPosition
from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import WatchVimsResponse

UP, DOWN, PAGE_DOWN, HOME, END = "\x1b[A", "\x1b[B", "\x1b[6~", "\x1b[H", "\x1b[F"


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ("", 0),
        (DOWN, 1),
        (DOWN * 3 + UP, 2),
        (UP, 0),
        (PAGE_DOWN, 10),
        ("  b", 10),
        (END, 90),
        (END + DOWN, 90),
        (END + HOME, 0),
        ("x\x1b\x1b[99;5Z\x1bOB", 1),
    ],
)
def test_keys_move_the_first_row_within_the_table(keys: str, first: int) -> None:
    position = ScrollPosition()
    position.first(100, 10)

    position.press(keys.encode())

    assert position.first(100, 10) == first


def test_a_table_that_has_become_shorter_is_shown_to_its_end() -> None:
    position = ScrollPosition()
    position.first(100, 10)
    position.press(END.encode())

    assert (position.first(50, 10), position.first(5, 10)) == (40, 0)


def test_the_rows_below_are_shown_with_their_numbers() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=15)
    table = LiveTable(console, "127.0.0.1:7600", frozenset())
    bad = {3, 7}
    vims = [
        Vim(id=f"{number}", name=f"vim-{number:02}", status=Vim.UNREACHABLE if number in bad else Vim.REACHABLE)
        for number in range(30)
    ]
    table.take(WatchUpdate(WatchVimsResponse(vims=vims), afresh=True))
    table.take(WatchUpdate(WatchVimsResponse(revision=7)))

    def names() -> list[str]:
        with console.capture() as shown:
            console.print(table)
        assert f"{first} to {first + 9} of 30, the worst first" in shown.get()
        return [word for word in shown.get().split() if word.startswith("vim-")]

    first = 1
    assert names()[:3] == ["vim-03", "vim-07", "vim-00"]
    table.scroll.press(PAGE_DOWN.encode())
    first = 11
    assert names()[0] == "vim-10"


async def test_a_terminal_scrolls_and_is_left_as_it_was(tmp_path: Path) -> None:
    user = Command(tmp_path)

    def scroll(address: str) -> list[bool]:
        with closing(PseudoTerminal(user, "vim", "watch", "--address", address, lines=15)) as terminal:
            terminal.shows("1 to 10 of 40, the worst first")
            while_watching = terminal.echoes()
            terminal.type(END)
            terminal.shows("31 to 40 of 40")
            assert terminal.interrupt() == 0
            return [while_watching, terminal.echoes_at_end]

    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        for number in range(40):
            await client.register(name=f"vim-{number:02}")

        assert await asyncio.to_thread(scroll, client.address) == [False, True]
