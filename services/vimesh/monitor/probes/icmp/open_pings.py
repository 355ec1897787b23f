"""Holds the pings of open rounds: answers are judged by this data, and not by their own claims."""

from __future__ import annotations

from array import array

from vimesh.monitor.targets.target import Target

NO_IDENTIFIER = 0
"""For a ping in a volley: it shares its sequence number, so a reply without a token cannot be matched with it."""
_U16 = 0xFFFF
_PLACE = 2**14 - 1
"""Mask for 128 KiB of places: one for each sequence number would take half a megabyte."""


Ping = tuple[Target, int, int, bytes, int, float]
"""The target; the number of the probe in its round; its token; the destination address, as in an IP header; its ICMP
identifier; and when it was sent. A plain tuple for speed: each single ping creates one."""


class OpenPings:
    """All pings that await an answer. Each is answered at most once."""

    def __init__(self) -> None:
        self._by_token: dict[int, Ping] = {}
        self._tokens: dict[Target, list[int]] = {}
        self._recent = array("Q", bytes(8 * (_PLACE + 1)))
        """The newest token per place, open or not. Few replies need it and most places are free, so few collide."""

    def __contains__(self, target: Target) -> bool:
        """Return whether the target has an open round in which it was pinged."""
        return target in self._tokens

    def add(self, ping: Ping) -> None:
        target, token = ping[0], ping[2]
        self._by_token[token] = ping
        self._recent[token & _PLACE] = token
        tokens = self._tokens.get(target)
        if tokens is None:
            self._tokens[target] = [token]
        else:
            tokens.append(token)

    def take(self, token: int) -> Ping | None:
        """Remove and return the ping with this token, so that a second answer does not count."""
        return self._by_token.pop(token, None)

    def take_from(self, token: int, source: bytes | bytearray) -> Ping | None:
        """Remove and return the ping with this token, if the answer came from the address that was pinged."""
        ping = self._by_token.get(token)
        # If a host forwards pings, other hosts answer, and they are not the VIM.
        if ping is None or ping[3] != source:
            return None
        del self._by_token[token]
        return ping

    def find_by_sequence(self, sequence: int) -> Ping | None:
        """Return the newest ping with this sequence number, which is part of the token and so cannot be guessed."""
        ping = self._by_token.get(self._recent[sequence & _PLACE])
        return ping if ping is not None and ping[2] & _U16 == sequence else None

    def remove_target(self, target: Target) -> None:
        """Drop the pings of the target, because its round is over."""
        for token in self._tokens.pop(target, ()):
            self._by_token.pop(token, None)
