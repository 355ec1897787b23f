"""Says once that the conductors are lost, and once that they are back."""

from __future__ import annotations

import structlog

_log = structlog.get_logger()


class ConductorLink:
    """Whether calls of one kind get through. Attempts are not logged, only what changes."""

    def __init__(self, calls: str) -> None:
        self._calls = calls
        self._lost = False

    def failed(self, why: str) -> None:
        if not self._lost:
            self._lost = True
            _log.warning("conductors lost: probing goes on", calls=self._calls, why=why)

    def worked(self) -> None:
        if self._lost:
            self._lost = False
            _log.info("conductors back", calls=self._calls)
