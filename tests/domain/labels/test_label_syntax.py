"""Labels have the syntax of Kubernetes."""

from __future__ import annotations

import time

import pytest

from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.labels.label_syntax import MAX_KEY, is_key, is_value, violations


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "A",
        "0",
        "region",
        "a-b_c.D",
        "a" * 63,
        "example.com/owner",
        "e/A_1",
        f"{'.'.join(['d' * 62] * 4)}a/{'n' * 63}",
    ],
)
def test_keys(key: str) -> None:
    assert is_key(key)
    assert violations({key: ""}) == []


@pytest.mark.parametrize(
    "key",
    [
        *("", "-a", "a-", ".a", "a.", "_a", "a b", "ä", "a" * 64, "a\n", "a/", "/a", "a/b/c", "Example.com/a", "a_b/c"),
        *(
            "-a.com/b",
            "a-.com/b",
            "a..b/c",
            ".a/b",
            "a./b",
            f"{'d' * 64}/a",
            f"{'.'.join(['d' * 63] * 4)}/a",
            "a" * 5000,
        ),
    ],
)
def test_no_keys(key: str) -> None:
    assert not is_key(key)
    [violation] = violations({key: ""})
    assert violation.field == "vim.labels"
    assert len(violation.description) < 250


@pytest.mark.parametrize("value", ["", "1", "eu-west_1.A", "v" * 63])
def test_values(value: str) -> None:
    assert is_value(value)


@pytest.mark.parametrize("value", ["-", "a-", "a b", "a/b", "ä", "v" * 64, "a\n", "v" * 5000])
def test_no_values(value: str) -> None:
    assert not is_value(value)
    assert [violation.field for violation in violations({"region": value})] == ["vim.labels.region"]


def test_hostile_keys_are_refused_at_once() -> None:
    begun = time.process_time()
    for text in ("a" * MAX_KEY, "a." * 158, "a-" * 158, f"{'a.' * 126}-/a", "-." * 158):
        for _ in range(1000):
            is_key(text)

    assert time.process_time() - begun < 2


def test_a_change_sets_and_removes() -> None:
    change = LabelChange({"a": "2", "c": ""}, frozenset({"b", "x"}))

    assert change.onto({"a": "1", "b": "1", "d": "1"}) == {"a": "2", "c": "", "d": "1"}
