"""Measures how long Python has collected garbage."""

from __future__ import annotations

import gc
import time
from types import TracebackType
from typing import Any, Self


class CollectorTime:
    """Adds up the time of collections while entered. They interrupt any work, which is not to blame for them."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._began_at = 0.0

    def __enter__(self) -> Self:
        gc.callbacks.append(self._on_collection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.callbacks.remove(self._on_collection)

    def _on_collection(self, phase: str, _: dict[str, Any]) -> None:
        now = time.monotonic()
        if phase == "start":
            self._began_at = now
        else:
            self.spent_s += now - self._began_at
