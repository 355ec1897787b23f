"""What is searched for with a filter that compares `flapping` has all VIMs that the filter selects."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from tests.domain.filters.test_match_filter import VIM
from vimesh.domain.filters.flapping_terms import search_filter
from vimesh.domain.filters.parse_filter import parse_filter

_TERMS = [f"flapping {operator} {value}" for operator in ("=", "!=") for value in ("true", "false")]
_SHAPES = ("{}", "NOT {}", "NOT (NOT {})", "{} AND name = x", "NOT ({} OR name = x)", "NOT ({} AND name = x)")


@pytest.mark.parametrize("text", [shape.format(term) for shape, term in product(_SHAPES, _TERMS)])
def test_no_vim_is_missed(text: str) -> None:
    since = VIM.status_time
    vims = [
        replace(VIM, name=name, flapping=flapping, status_time=since)
        for name, flapping in product(("x", "y"), (True, False))
    ]
    # What has not changed since cannot flap.
    vims += [replace(VIM, name=name, status_time=since.replace(year=since.year - 1)) for name in ("x", "y")]
    wanted = parse_filter(text, flapping=True)

    search = search_filter(wanted, round(since.timestamp() * 1e6))

    assert all(search.matches(vim) for vim in vims if wanted.matches(vim))


@pytest.mark.parametrize(
    "text", ["flapping = true", "flapping != false", "NOT flapping = false", "NOT flapping != true"]
)
def test_vims_that_flap_are_searched_among_those_that_changed_since(text: str) -> None:
    since = VIM.status_time
    search = search_filter(parse_filter(text, flapping=True), round(since.timestamp() * 1e6))

    assert search.matches(VIM)
    assert not search.matches(replace(VIM, status_time=since.replace(year=since.year - 1)))
