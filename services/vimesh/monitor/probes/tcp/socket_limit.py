"""How many sockets may be open for probes."""

from __future__ import annotations

import resource

from vimesh.monitor.scheduling.stall_clock import Clock

READ_AGAIN_S = 5.0
"""How many files the process may open can be changed from outside, and others of the machine may use them up."""
_FILES_FOR_OTHERS = 256
_MOST_SOCKETS = 32768


def socket_limit() -> int:
    """Return how many sockets may be open for probes, given what the process may open in all."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(_MOST_SOCKETS, files - _FILES_FOR_OTHERS))


class SocketLimit:
    """The limit as it is now: lower while there are no files to be had."""

    def __init__(self, *, clock: Clock, most: int | None) -> None:
        """`most`: not more than that; None: as many as the process may open files, less a reserve."""
        self._clock = clock
        self._most = most
        self._now = self.full
        self._read_again_at = clock() + READ_AGAIN_S

    @property
    def full(self) -> int:
        """The limit while there are files."""
        return socket_limit() if self._most is None else self._most

    def allows(self, more_than: int) -> bool:
        """Say whether another socket may be opened beside so many."""
        if more_than < self._now:
            return True
        now = self._clock()
        if now >= self._read_again_at:
            self._now = self.full
            self._read_again_at = now + READ_AGAIN_S
        return more_than < self._now

    def lower(self, to: int) -> None:
        """Be content with so many for a while: no file was to be had for another."""
        self._now = min(self._now, to)
        self._read_again_at = self._clock() + READ_AGAIN_S
