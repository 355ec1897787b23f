"""Runs variants in turn, round by round, so that other work of the machine affects all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence

Sample = Mapping[str, float]
"""The results of one variant in one round, by names such as `calls_per_s`."""
Variant = Callable[[], Awaitable[Sample]]
Say = Callable[[str], None]


class Rounds:
    """The samples of all rounds, by variant."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        self._samples = samples

    def of(self, variant: str, key: str) -> tuple[float, ...]:
        """Return one value for each round."""
        return tuple(sample[key] for sample in self._samples[variant])

    def median(self, variant: str, key: str) -> float:
        return statistics.median(self.of(variant, key))

    def ratio(self, variant: str, over: str, key: str) -> tuple[float, ...]:
        """Divide two variants within each round. A ratio of medians would mix rounds of different noise."""
        return tuple(a / b for a, b in zip(self.of(variant, key), self.of(over, key), strict=True))


async def interleave(variants: Mapping[str, Variant], *, rounds: int, say: Say) -> Rounds:
    """Run A B C, then B C A, and so on: no variant always follows the same other one."""
    samples: dict[str, list[Sample]] = {name: [] for name in variants}
    names = list(variants)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            sample = await variants[name]()
            samples[name].append(sample)
            say(f"round {number + 1} of {rounds}: {name}: {_shown(sample)}")
    return Rounds(samples)


def _shown(sample: Sample) -> str:
    return ", ".join(f"{key} {value:,.4g}" for key, value in sample.items())
