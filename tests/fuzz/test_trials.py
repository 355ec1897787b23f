"""Findings must be reported: an exception, and an input that takes too long."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import parser as parsers
from tests.fuzz.mutations import mutated
from tests.fuzz.parser import Parser
from tests.fuzz.pieces import pieces_of
from tests.fuzz.random_prober import play
from tests.fuzz.trials import Trials


def _stumble(data: bytes) -> None:
    if data == b"slow":
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass
    elif data:
        raise ValueError(data)


@pytest.fixture
def trials() -> Trials:
    return Trials(Parser(name="stumbling", read=_stumble, seeds=(b"",), most_bytes=10))


def test_an_exception_is_a_failure_and_one_of_each_place_is_kept(
    trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsers, "_CORPUS", tmp_path)
    for data in (b"", b"first", b"second"):
        trials.run(data)

    trials.keep()

    assert trials.tried == 3
    assert [file.read_bytes() for file in (tmp_path / "stumbling").iterdir()] == [b"first"]


def test_what_takes_too_long_is_a_failure(trials: Trials) -> None:
    trials.run(b"slow")

    assert list(trials.failures) == ["takes too long"]
    assert trials.slowest_ms >= 20


@pytest.mark.parametrize("first", [0, 64, 128, 255])
def test_pieces_are_all_of_an_input_and_the_same_again(first: int) -> None:
    data = bytes([first]) + bytes(range(256))

    assert b"".join(pieces_of(data)) == data[1:]
    assert list(pieces_of(data)) == list(pieces_of(data))


def test_mutations_are_bounded_and_the_same_for_the_same_seed() -> None:
    made = [[mutated(Random(seed), b"abc", (b"def",), 100) for seed in range(50)] for _ in range(2)]

    assert made[0] == made[1]
    assert len(set(made[0])) > 25
    assert max(map(len, made[0])) <= 100


async def test_a_prober_stands_servers_that_answer_at_random() -> None:
    outcome = await play(2.5, "short")

    assert outcome["tried"] > 50
    assert not outcome["failures"]
