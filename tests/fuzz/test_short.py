"""The short form of `make fuzz`: inputs that failed earlier, and some thousand mutations, the same in each run."""

from __future__ import annotations

import time
from collections.abc import Generator
from random import Random

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.parser import Parser
from tests.fuzz.registry import NAMES, load
from tests.fuzz.trials import Trials
from tests.support.timing.cpu_budget import slowness

_MUTATIONS = 2000
_MOST_S = 0.7
"""CPU per parser: a slow machine tries fewer inputs, but the same ones."""


@pytest.fixture(scope="module", params=NAMES)
def parser(request: pytest.FixtureRequest) -> Generator[Parser]:
    loaded = load(request.param)
    yield loaded
    loaded.close()


def _words(trials: Trials) -> str:
    return "\n".join(map(str, trials.failures.values()))


def test_nothing_that_failed_once_fails_again(parser: Parser) -> None:
    trials = Trials(parser, patience=slowness)
    for data in (*parser.seeds, *(file.read_bytes() for file in sorted(parser.corpus.glob("*")))):
        trials.run(data)

    assert not trials.failures, _words(trials)


def test_no_mutation_raises_or_takes_long(parser: Parser) -> None:
    trials, random = Trials(parser, patience=slowness), Random(f"short {parser.name}")
    ends_at = time.process_time() + _MOST_S
    for _ in range(_MUTATIONS):
        trials.run(mutated(random, random.choice(parser.seeds), parser.seeds, parser.most_bytes))
        if time.process_time() > ends_at:
            break

    assert not trials.failures, _words(trials)
    assert trials.tried > _MUTATIONS / 20
