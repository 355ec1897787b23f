"""Logs once that a peer is lost, and once that it is back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_log = structlog.get_logger()


class OutageLog:
    """Tracks whether calls of one kind reach a peer. Logs changes only, not attempts."""

    def __init__(self, peer: str, calls: str, *, meanwhile: str) -> None:
        """`meanwhile` states what a lost peer does not stop, or what waits for it."""
        self._peer = peer
        self._calls = calls
        self._meanwhile = meanwhile
        self._lost = False

    def note_failure(self, why: str) -> None:
        if not self._lost:
            self._lost = True
            _log.warning(f"{self._peer} lost: {self._meanwhile}", calls=self._calls, why=why)

    def note_success(self) -> None:
        if self._lost:
            self._lost = False
            _log.info(f"{self._peer} back", calls=self._calls)

    @contextmanager
    def absorb(self, failure: type[Exception]) -> Iterator[None]:
        """Note whether the block reached the peer. An error of this type ends the block and goes no further."""
        try:
            yield
        except failure as error:
            self.note_failure(f"{error} ({error.__cause__!r})")
        else:
            self.note_success()
