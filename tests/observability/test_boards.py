"""The boards of Grafana are made of their sources, and ask for metrics that exist."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.grafana.make_boards import FOLDER, SOURCES, board_file, board_text

from tests.support.observability.board_queries import queries_of

_EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
_VARIABLE = re.compile(r"\$(\w+)")


@_EACH
def test_a_board_is_fresh(source: Path) -> None:
    assert board_file(source).read_text() == board_text(source), "make boards"


def test_there_are_no_other_boards() -> None:
    assert {board_file(source) for source in SOURCES} == set((FOLDER / "boards").iterdir())
    assert {source.stem for source in SOURCES} == {"fleet", "vims", "vim", "store", "front", "notifications"}


@_EACH
def test_panels_lie_beside_each_other(source: Path) -> None:
    places = [panel["gridPos"] for panel in _board(source)["panels"]]

    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if _overlap(*pair)]


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@_EACH
def test_panels_can_be_told_apart(source: Path) -> None:
    panels = _board(source)["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["targets"] for panel in panels if panel["type"] != "row")


@_EACH
def test_queries_use_the_variables_of_their_board(source: Path) -> None:
    board = _board(source)
    known = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval", "__range"}

    assert {name for query in queries_of(source) for name in _VARIABLE.findall(query.expression)} <= known
    assert len({board["uid"] for board in map(_board, SOURCES)}) == len(SOURCES)


def test_grafana_is_told_where_the_boards_are() -> None:
    (provider,) = yaml.safe_load((FOLDER / "provisioning.yaml").read_text())["providers"]

    assert provider["type"] == "file"


def _board(source: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(board_file(source).read_text())
    return board
