"""What is counted in buckets, without any library."""

from __future__ import annotations

import asyncio
import time

from tests.support.timing.waiting import until
from vimesh.runtime.histogram import Histogram
from vimesh.runtime.loop_lag import SAMPLE_EVERY_S, LoopLag


def test_the_end_of_a_bucket_belongs_to_it() -> None:
    histogram = Histogram((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 2.0, 99.0):
        histogram.observe(value)
    histogram.observe(2.0, 3)

    assert (histogram.counts, histogram.total) == ([2, 5, 1], 110.0)


async def test_a_blocked_loop_is_late() -> None:
    lag = LoopLag(asyncio.get_running_loop())
    lag.start()
    time.sleep(SAMPLE_EVERY_S + 0.3)  # noqa: ASYNC251 - it blocks the loop on purpose
    await until(lambda: sum(lag.histogram.counts) > 0, 20)
    lag.stop()

    assert lag.histogram.total >= 0.3
