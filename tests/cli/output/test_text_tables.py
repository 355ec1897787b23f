"""How a table fits on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vimesh.cli.output import text_tables, vim_columns

TITLES = [column.title for column in vim_columns.VIMS.shown([])]
VIMS = [
    [
        "b0b1a5c0-0000-4000-8000-000000000001",
        "lisbon-1",
        "openstack",
        "REACHABLE",
        "",
        "3m",
        "https://lisbon.example:5000/v3",
    ],
    [
        "b0b1a5c0-0000-4000-8000-000000000002",
        "lab",
        "kubernetes",
        "UNREACHABLE",
        "HTTP_503",
        "12s",
        "https://10.0.0.5:6443",
    ],
]


def shown(width: int, rows: list[list[str]]) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=width)
    console.print(text_tables.table(TITLES, rows, width))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return [line.split() for line in lines]


@pytest.mark.parametrize(("width", "left_out"), [(70, {"ID", "SINCE"}), (80, {"ID"}), (100, {"ID"}), (130, set[str]())])
def test_each_vim_has_one_line_and_what_a_terminal_has_no_room_for_is_left_out(width: int, left_out: set[str]) -> None:
    titles, *rows = shown(width, VIMS)

    assert titles == [title for title in TITLES if title not in left_out]
    assert [row[titles.index("NAME")] for row in rows] == ["lisbon-1", "lab"]
    assert rows[1][titles.index("REASON")] == "HTTP_503"


def test_what_is_too_long_is_cropped() -> None:
    long = ["n" * 255, "openstack", "UNREACHABLE", "NET_UNREACHABLE", "3m", "https://" + "u" * 255]

    [_, row] = shown(80, [[VIMS[0][0], *long]])

    assert row[0].startswith("nnn")
    assert row[0].endswith("…")
    assert row[1:4] == ["openstack", "UNREACHABLE", "NET_UNREACHABLE"]
    assert row[-1].startswith("https://")
    assert row[-1].endswith("…")
