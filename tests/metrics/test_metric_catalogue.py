"""The catalogue follows Prometheus' conventions, and the page in the documents is made from it."""

from __future__ import annotations

import re
from pathlib import Path

from vimesh.metrics.catalogue.metric_entry import MetricKind
from vimesh.metrics.catalogue_page import render
from vimesh.metrics.metric_catalogue import BY_NAME, CATALOGUE

_PAGE = Path(__file__).parents[2] / "docs/operating/metrics.md"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FOREIGN = ("process_", "python_", "grpc_server_")


def test_the_page_is_fresh() -> None:
    page = _PAGE.read_text()

    assert render(page) == page
    assert all(f"`{entry.name}`" in page for entry in CATALOGUE)


def test_a_name_is_that_of_one_metric() -> None:
    assert len(BY_NAME) == len(CATALOGUE)


def test_names_follow_the_conventions() -> None:
    odd = {
        entry.name
        for entry in CATALOGUE
        if not _NAME.fullmatch(entry.name)
        or not entry.name.startswith(("vimesh_", *_FOREIGN))
        or entry.name.endswith("_total") is not (entry.kind is MetricKind.COUNTER)
        or any(not _NAME.fullmatch(label) or label in {"le", "vim_id", "process"} for label in entry.labels)
    } - {"vimesh_process_up"}

    assert not odd


def test_every_metric_says_what_it_is() -> None:
    assert all(entry.help and "\n" not in entry.help and "|" not in entry.help for entry in CATALOGUE)
