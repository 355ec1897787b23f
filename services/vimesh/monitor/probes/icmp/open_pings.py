"""The pings of open rounds: what is needed to judge their answers stays here, and is not believed from them."""

from __future__ import annotations

from array import array

from vimesh.monitor.targets.target import Target

NO_IDENTIFIER = 0
"""Of a ping in a volley: its sequence is not its own, so that a reply without a token cannot be for it."""
_U16 = 0xFFFF
_PLACE = 2**14 - 1
"""128 KiB in all: with a place for each sequence, it would be half a megabyte."""


Ping = tuple[Target, int, int, bytes, int, float]
"""The target; which probe of its round it is; its token; the address that it was sent to, as in an IP header; its ICMP
identifier; and when it was sent. A plain tuple: there is one for each ping by itself."""


class OpenPings:
    """Each is answered once at most."""

    def __init__(self) -> None:
        self._by_token: dict[int, Ping] = {}
        self._tokens: dict[Target, list[int]] = {}
        self._recent = array("Q", bytes(8 * (_PLACE + 1)))
        """The newest token for each place, open or not: few replies are looked for here, and most places are free."""

    def __contains__(self, target: Target) -> bool:
        """Say whether the target has a round in which it was pinged."""
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
        """Return the ping with this token, whose answer has come: another one would count twice."""
        return self._by_token.pop(token, None)

    def take_from(self, token: int, source: bytes | bytearray) -> Ping | None:
        """Return the same if its answer has come from where it was sent to."""
        ping = self._by_token.get(token)
        # A host that passes pings on lets others answer: they are not the VIM.
        if ping is None or ping[3] != source:
            return None
        del self._by_token[token]
        return ping

    def with_sequence(self, sequence: int) -> Ping | None:
        """Return the newest ping with this sequence, which is a part of its token, so that it cannot be guessed."""
        ping = self._by_token.get(self._recent[sequence & _PLACE])
        return ping if ping is not None and ping[2] & _U16 == sequence else None

    def forget(self, target: Target) -> None:
        """Await no answer of the target: its round is over."""
        for token in self._tokens.pop(target, ()):
            self._by_token.pop(token, None)
