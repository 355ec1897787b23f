"""Rules, boards and runbooks name metrics that there are, by the labels that they have."""

from __future__ import annotations

import re

import pytest
from deploy.grafana.make_boards import SOURCES

from tests.support.observability.board_queries import queries_of
from tests.support.observability.rule_files import RUNBOOKS, expressions
from vimesh.metrics.metric_catalogue import CATALOGUE

_NAME = re.compile(r"\b(?:vimesh|grpc|process|python)_[a-z0-9_]+\b")
_RECORDED = re.compile(r"\b[a-z_]+:[a-z0-9_:]+\b")
_CODE = re.compile(r"`([^`\n]+)`")
_HISTOGRAM = re.compile(r"_(?:bucket|sum|count)$")
_OF_VIMS = {"vimesh_vim_condition", "vimesh_vim_status", "vimesh_vim_valid_until_seconds"}
"""Of `/metrics/vims`, which no collector makes."""
_KNOWN = {entry.name for entry in CATALOGUE} | _OF_VIMS
_LABELS = {label for entry in CATALOGUE for label in entry.labels} | {"fleet", "process", "instance", "job"}


def _queries() -> dict[str, str]:
    of_boards = {
        f"{query.board}: {query.panel} {number}": query.expression
        for source in SOURCES
        for number, query in enumerate(queries_of(source))
    }
    return dict(expressions()) | of_boards


@pytest.mark.parametrize(("place", "query"), _queries().items(), ids=_queries())
def test_a_query_names_metrics_that_exist(place: str, query: str) -> None:
    recorded = set(_RECORDED.findall(query))
    names = {_HISTOGRAM.sub("", name) for name in _NAME.findall(_RECORDED.sub("", query))} - _LABELS

    assert names <= _KNOWN, place
    assert recorded <= {name for name, _ in expressions()}, place


def test_runbooks_name_metrics_that_exist() -> None:
    names = {
        _HISTOGRAM.sub("", name)
        for page in RUNBOOKS.glob("*.md")
        for code in _CODE.findall(page.read_text())
        for name in _NAME.findall(code)
    }

    assert names <= _KNOWN
    assert names
