"""Limits how many sockets may be open for probes."""

from __future__ import annotations

import resource

from vimesh.monitor.scheduling.stall_clock import Clock

READ_AGAIN_S = 5.0
"""Pause before a limit that was reached is read again: RLIMIT_NOFILE may have changed, or files may be free again."""
_FILES_FOR_OTHERS = 256
_MOST_SOCKETS = 32768


def socket_limit() -> int:
    """Return how many sockets may be open for probes, given the process's limit on open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(_MOST_SOCKETS, files - _FILES_FOR_OTHERS))


class SocketLimit:
    """The current limit: lowered for a while when file descriptors run out."""

    def __init__(self, *, clock: Clock, most: int | None) -> None:
        """`most`: a fixed limit; None: as many as the process may open files, less a reserve."""
        self._clock = clock
        self._most = most
        self._now = self.full
        self._read_again_at = clock() + READ_AGAIN_S

    @property
    def full(self) -> int:
        """The limit while file descriptors are available."""
        return socket_limit() if self._most is None else self._most

    def allows(self, open_count: int) -> bool:
        """Return whether another socket may be opened when `open_count` are open."""
        if open_count < self._now:
            return True
        now = self._clock()
        if now >= self._read_again_at:
            self._now = self.full
            self._read_again_at = now + READ_AGAIN_S
        return open_count < self._now

    def lower(self, to: int) -> None:
        """Lower the limit for READ_AGAIN_S: no file descriptor was left for another socket."""
        self._now = min(self._now, to)
        self._read_again_at = self._clock() + READ_AGAIN_S
