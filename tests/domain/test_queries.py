from __future__ import annotations

import pytest

from vimesh.domain.errors import BadInput
from vimesh.domain.queries import Order, parse_order


def test_vims_are_ordered_by_a_known_field() -> None:
    assert parse_order("") == Order("create_time")
    assert parse_order("name desc") == Order("name", descending=True)
    for text in ("colour", "name down", "name, status_time"):
        with pytest.raises(BadInput):
            parse_order(text)
