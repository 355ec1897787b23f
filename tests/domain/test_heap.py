from __future__ import annotations

import gc

from vimesh.domain.heap import collect_rarely


def test_what_is_there_at_the_start_is_never_looked_at_again() -> None:
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        collect_rarely()

        assert gc.get_freeze_count() > before + 1000
        assert gc.get_threshold()[0] > thresholds[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
