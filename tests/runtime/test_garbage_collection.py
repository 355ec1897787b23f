from __future__ import annotations

import gc

from vimesh.runtime.garbage_collection import collect_rarely


def test_what_is_there_at_the_start_is_never_looked_at_again() -> None:
    thresholds, often = gc.get_threshold(), 700
    # An earlier test of this process may have left both as they are to be.
    gc.unfreeze()
    gc.set_threshold(often)
    try:
        collect_rarely()

        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold()[0] > often
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
