from __future__ import annotations

import random

import pytest

from vimesh.cli.top.row_order import SORTS, RowOrder
from vimesh.cli.top.vim_row import VimRow
from vimesh.v1.vim_pb2 import Vim

_STATUSES = (Vim.PENDING, Vim.REACHABLE, Vim.UNREACHABLE, Vim.UNKNOWN)


def some_row(vim_id: str, chance: random.Random) -> VimRow:
    return VimRow(
        vim_id,
        name=chance.choice("abc"),
        status=chance.choice(_STATUSES),
        reason=chance.choice(("", "TIMEOUT", "REFUSED")),
        since_s=float(chance.randrange(5)),
    )


@pytest.mark.parametrize("sort", SORTS)
def test_moving_rows_one_by_one_leads_to_the_same_order_as_sorting(sort: str) -> None:
    chance = random.Random(sort)
    rows = {str(number): some_row(str(number), chance) for number in range(300)}
    order = RowOrder(sort)
    order.rebuild(rows)
    for step in range(100):
        changed = {str(chance.randrange(400)) for _ in range(chance.choice((1, 5, 200)))}
        for vim_id in changed:
            if chance.random() < 0.3:
                rows.pop(vim_id, None)
            else:
                rows[vim_id] = some_row(vim_id, chance)
        order.is_reversed = step % 2 == 1

        order.move(changed, rows)

        expected = sorted(rows, key=lambda vim_id: SORTS[sort](rows[vim_id]), reverse=order.is_reversed)
        assert order.ids(0, len(order)) == expected
        assert order.ids(7, 5) == expected[7:12]
        assert order.ids(len(expected) - 2, 5) == expected[-2:]
        assert all(order.place(vim_id) == place for place, vim_id in enumerate(expected))
        assert order.place("nobody") is None


def test_the_worst_come_first() -> None:
    rows = {str(status): VimRow(str(status), status=status) for status in _STATUSES}
    order = RowOrder()
    order.rebuild(rows)

    assert order.ids(0, 4) == [str(status) for status in (Vim.UNREACHABLE, Vim.UNKNOWN, Vim.PENDING, Vim.REACHABLE)]
