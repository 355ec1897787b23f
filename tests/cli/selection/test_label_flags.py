"""Labels and selectors are written as for kubectl."""

from __future__ import annotations

import pytest

from vimesh.cli.selection.label_flags import change_of, labels_of, selected
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.settings import BadFlag


def test_labels_are_set_and_removed() -> None:
    change = change_of(["region=eu", "example.com/owner=", "old-"], "vim label")

    assert change == LabelChange({"region": "eu", "example.com/owner": ""}, frozenset({"old"}))
    assert labels_of(["region=eu", "tier=1"]) == {"region": "eu", "tier": "1"}


@pytest.mark.parametrize("text", ["region", "=eu", "-", "a b=1", "region=a b", "region=eu=de", "x" * 5000])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(BadFlag) as refused:
        change_of([text], "vim label")
    assert len(str(refused.value)) < 300


def test_a_label_is_given_once_and_a_new_vim_has_none_to_remove() -> None:
    for twice in (["a=1", "a=2"], ["a=1", "a-"], ["a-", "a-"]):
        with pytest.raises(BadFlag, match="twice"):
            change_of(twice, "vim label")
    with pytest.raises(BadFlag, match="has none yet"):
        labels_of(["a=1", "b-"])


@pytest.mark.parametrize(
    ("selector", "filter_"),
    [
        ("", ""),
        ("  ", ""),
        ("region=eu", 'labels.region = "eu"'),
        ("region==eu", 'labels.region = "eu"'),
        (" region = eu , owner != nfv ", 'labels.region = "eu" AND NOT labels.owner = "nfv"'),
        ("example.com/owner=", 'labels.example.com/owner = ""'),
        ("tier", "labels.tier:*"),
        ("!old", "NOT labels.old:*"),
        ("tier in (1, 2),region=eu", '(labels.tier = "1" OR labels.tier = "2") AND labels.region = "eu"'),
        ("tier notin (1,2)", 'NOT (labels.tier = "1" OR labels.tier = "2")'),
        ("in in (in)", '(labels.in = "in")'),
    ],
)
def test_a_selector_becomes_a_filter(selector: str, filter_: str) -> None:
    assert selected(selector) == filter_


def test_a_selector_and_a_filter_must_both_match() -> None:
    both = selected("region=eu", "status = UNKNOWN OR status = PENDING")

    assert both == '(status = UNKNOWN OR status = PENDING) AND labels.region = "eu"'
    assert selected("", "status = UNKNOWN") == "status = UNKNOWN"


@pytest.mark.parametrize(
    "selector",
    [
        *("region=eu,", ",", "region=a b", "a b", "region>1", "tier in 1", "tier in (1", "(a)", "a=b=c", "!a=b"),
        *("tier in (1,(2))", "-=1", "region=*", f"{'x ' * 5000}", f"{'(' * 5000}"),
    ],
)
def test_what_selects_nothing_is_refused(selector: str) -> None:
    with pytest.raises(BadFlag) as refused:
        selected(selector)
    assert len(str(refused.value)) < 300
