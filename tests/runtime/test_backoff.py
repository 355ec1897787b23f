"""Pauses between attempts that fail."""

from __future__ import annotations

from random import Random

import pytest

from vimesh.runtime.backoff import Backoff


@pytest.mark.parametrize("least_part", [0.0, 0.5, 1.0])
def test_pauses_double_up_to_a_limit_and_start_over_after_a_success(least_part: float) -> None:
    backoff = Backoff(first_s=0.005, longest_s=0.1, random=Random(1), least_part=least_part)
    full_s = [0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.1]

    assert all(least_part * full <= backoff.pause_s() <= full for full in full_s)
    backoff.reset()
    assert backoff.pause_s() <= full_s[0]


def test_two_that_fail_together_do_not_try_again_together() -> None:
    one, other = (Backoff(first_s=1.0, longest_s=1.0, random=Random(seed)) for seed in (1, 2))

    assert one.pause_s() != other.pause_s()
