"""Limits the number and length of log lines that peers can make libraries write."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

LIBRARIES: Final = (
    *("grpc._cython.cygrpc", "grpc._common", "grpc._server"),
    *("opentelemetry.exporter.otlp.proto.grpc.exporter", "opentelemetry.sdk._shared_internal"),
)
"""Loggers that write a line for each header or message that they cannot parse, or batch of spans that nobody takes."""
LEFT_OUT: Final = "left_out"
"""The key under which a line says how many similar ones were not written before it."""
EVERY_S: Final = 10.0
MAX_CHARACTERS: Final = 300


class FewAndShort(logging.Filter):
    """Passes one line per ten seconds, cut to 300 characters, with the number of lines left out before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed_at = float("-inf")
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        if now - self._passed_at < EVERY_S:
            self._left_out += 1
            return False
        record.msg, record.args = record.getMessage()[:MAX_CHARACTERS], None
        if self._left_out:
            setattr(record, LEFT_OUT, self._left_out)
        self._passed_at, self._left_out = now, 0
        return True
