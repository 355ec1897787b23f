"""Says once that something is lost, and once that it is back."""

from __future__ import annotations

import structlog

_log = structlog.get_logger()


class Link:
    """Whether calls get through to a peer. Attempts are not logged, only what changes."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._lost = False

    def failed(self, why: str) -> None:
        if not self._lost:
            self._lost = True
            _log.warning("lost", peer=self._peer, why=why)

    def worked(self) -> None:
        if self._lost:
            self._lost = False
            _log.info("back", peer=self._peer)
