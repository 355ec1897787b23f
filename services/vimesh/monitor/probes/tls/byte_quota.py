"""Limits how much a server may send without making progress."""

from __future__ import annotations

from vimesh.monitor.probes.tls.tls_trust import TlsExcess


class ByteQuota:
    """A quota of bytes and of pieces: each piece costs a turn of the loop, even if it is a single byte."""

    __slots__ = ("_bytes", "_pieces", "is_touched")

    def __init__(self, most_bytes: int, most_pieces: int) -> None:
        self.refill(most_bytes, most_pieces)

    def refill(self, most_bytes: int, most_pieces: int) -> None:
        self.is_touched = False
        self._bytes = most_bytes
        self._pieces = most_pieces

    def take(self, piece_bytes: int, whereof: str) -> None:
        """Count one more piece. Raises TlsExcess if that exceeds the quota."""
        self.is_touched = True
        self._bytes -= piece_bytes
        self._pieces -= 1
        if self._bytes < 0 or self._pieces < 0:
            raise TlsExcess(f"the server sends too much {whereof}")
