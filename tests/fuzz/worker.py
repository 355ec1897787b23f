"""python -m tests.fuzz.worker PARSER SECONDS: fuzzes one parser with atheris, and prints the outcome as JSON.

It is a process of its own, because instrumented modules must not have been imported before, and libFuzzer may end it at
any time.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import atheris

from tests.fuzz.measure import measured_apart
from tests.fuzz.mutations import mutated
from tests.fuzz.parser import Parser
from tests.fuzz.trials import Trials

_HANGS_AFTER_S = 20
_INSTRUMENTED = 100
"""An input that takes as long as it may is tried several times, each of them some ten times as slow as elsewhere."""
_MOST_MIB = 1024
_MOST_GROWTH_MIB = 192
"""Growth while fuzzing; libFuzzer itself keeps each input that reached new code."""
_WARM_PART = 0.2


class _Campaign:
    """Runs until its time is over, and then ends the process."""

    def __init__(self, parser: Parser, for_s: float) -> None:
        self._trials = Trials(parser, measured_apart)
        self._began = time.monotonic()
        self._for_s = for_s
        self._warm_mib = 0.0

    def run(self, data: bytes) -> None:
        failures = len(self._trials.failures)
        self._trials.run(data)
        if len(self._trials.failures) > failures:
            self._trials.keep()  # at once: the next input may hang, and end the process
        passed_s = time.monotonic() - self._began
        if not self._warm_mib and passed_s > self._for_s * _WARM_PART:
            self._warm_mib = _most_mib()
        if passed_s > self._for_s:
            self._end(passed_s)

    def _end(self, passed_s: float) -> None:
        trials = self._trials
        grown_mib = _most_mib() - self._warm_mib
        failures = [str(failure) for failure in trials.failures.values()]
        if grown_mib > _MOST_GROWTH_MIB:
            failures.append(f"grew by {grown_mib:.0f} MiB")
        outcome = {
            "tried": trials.tried,
            "per_s": round(trials.tried / passed_s),
            "slowest_ms": round(trials.slowest_ms, 2),
            "grown_mib": round(grown_mib, 1),
            "failures": failures,
        }
        print(json.dumps(outcome), flush=True)
        os._exit(0)  # atheris would end the process with output of its own


def _most_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    name, for_s = sys.argv[1], float(sys.argv[2])
    with atheris.instrument_imports(include=["vimesh"]):
        from tests.fuzz.registry import load  # noqa: PLC0415 - imported where it is instrumented

        parser = load(name)
    campaign = _Campaign(parser, for_s)

    def mutate(data: bytes, most_bytes: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:  # libFuzzer knows which inputs reach new code, and we know what an answer looks like
            return bytes(atheris.Mutate(data, most_bytes))
        return mutated(random, data or random.choice(parser.seeds), parser.seeds, most_bytes)

    parser.corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(parser.seeds):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        hangs_after_s = int(_HANGS_AFTER_S + _INSTRUMENTED * parser.limit_ms / 1000)
        options = [
            *(f"-max_len={parser.most_bytes}", f"-timeout={hangs_after_s}", f"-rss_limit_mb={_MOST_MIB}"),
            *(f"-artifact_prefix={parser.corpus}/", "-verbosity=0", "-len_control=0"),
        ]
        atheris.Setup([sys.argv[0], *options, folder, str(parser.corpus)], campaign.run, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
