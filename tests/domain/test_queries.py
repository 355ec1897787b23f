from __future__ import annotations

import pytest

from vimesh.domain.errors import BadInput, FilterInvalid
from vimesh.domain.queries import Operator, Order, Term, parse_filter, parse_order


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  ", ()),
        ("status = UNREACHABLE", (Term("status", Operator.EQUALS, "UNREACHABLE"),)),
        (
            'type!=kubernetes AND name = "lab \\"one\\" *"',
            (Term("type", Operator.DIFFERS, "kubernetes"), Term("name", Operator.EQUALS, 'lab "one" *')),
        ),
    ],
)
def test_a_filter_is_read_as_terms(text: str, terms: tuple[Term, ...]) -> None:
    assert parse_filter(text) == terms


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "status =",
        "= UNREACHABLE",
        "status = UP",
        "type = vmware",
        "is_default = yes",
        "colour = red",
        "status = UNREACHABLE AND",
        "status = UNREACHABLE OR name = a",
        "status = UNREACHABLE name = a",
        'name = "open',
        "AND",
        " AND ".join(["name = a"] * 17),
    ],
)
def test_a_filter_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(FilterInvalid):
        parse_filter(text)


def test_vims_are_ordered_by_a_known_field() -> None:
    assert parse_order("") == Order("create_time")
    assert parse_order("name desc") == Order("name", descending=True)
    for text in ("colour", "name down", "name, status_time"):
        with pytest.raises(BadInput):
            parse_order(text)
