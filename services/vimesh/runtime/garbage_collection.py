"""The memory of a process that serves many."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Let the garbage collector look rarely: nearly all that a call or a probe leaves is freed without it.

    As it comes, it walks over calls that are in flight and over what is kept of each VIM, again and again. To be called
    once by a process that is ours.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
