from __future__ import annotations

import gc

from vimesh.runtime.garbage_freeze import ACTIONS_PER_STEP, GarbageFreeze


def test_what_has_come_to_live_long_is_left_out_of_full_collections() -> None:
    heap = GarbageFreeze()
    before = gc.get_freeze_count()
    try:
        for _ in range(ACTIONS_PER_STEP - 1):
            heap.count_action()
        assert gc.get_freeze_count() == before

        heap.count_action()

        assert gc.get_freeze_count() > before + 1000
    finally:
        gc.unfreeze()
