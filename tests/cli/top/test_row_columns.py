from __future__ import annotations

from rich.cells import cell_len

from vimesh.cli.top.row_columns import cells, fitting, title_line
from vimesh.cli.top.vim_row import VimRow
from vimesh.v1.vim_pb2 import Vim

ROW = VimRow(
    "3f0c",
    name="größe-東京\n\x1b[31m",
    project_id="default",
    type="openstack",
    auth_url="http://10.0.0.5:5000/v3",
    status=Vim.UNREACHABLE,
    reason="TIMEOUT",
    since_s=100.0,
    maintenance_until_s=500.0,
    flapping=True,
)


def test_a_row_is_never_wider_than_the_screen() -> None:
    for width in range(1, 200):
        columns = fitting(width)

        assert columns[0].column.title == "STATUS"
        for text in (title_line(columns), "".join(cells(columns, ROW, 160.0, stale=False))):
            assert cell_len(text) <= max(width, columns[0].width), width


def test_what_matters_less_goes_first() -> None:
    titles = {width: [sized.column.title for sized in fitting(width)] for width in (20, 30, 40, 60, 80, 160)}

    assert titles[20] == ["STATUS"]
    assert titles[30] == ["STATUS", "NAME"]
    assert titles[40] == ["STATUS", "NAME", "SINCE"]
    assert titles[60] == ["STATUS", "NAME", "SINCE", "REASON"]
    assert titles[80] == ["STATUS", "NAME", "SINCE", "REASON", "AUTH_URL"]
    assert titles[160] == ["STATUS", "NAME", "SINCE", "REASON", "TYPE", "PROJECT", "AUTH_URL"]


def test_a_row_says_what_is_special_without_colours() -> None:
    live = "".join(cells(fitting(160), ROW, 160.0, stale=False))
    stale = "".join(cells(fitting(160), ROW, 600.0, stale=True))

    assert live.startswith("UNREACHABLE   ")
    assert "1m" in live
    assert "TIMEOUT maintenance flapping" in live
    assert stale.startswith("UNREACHABLE?  ")
    assert "maintenance" not in stale


def test_a_terminal_obeys_nothing_in_a_name() -> None:
    shown = "".join(cells(fitting(160), ROW, 160.0, stale=False))

    assert "größe-東京\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m" in shown
