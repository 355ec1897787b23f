"""The pings of open rounds: what is needed to judge their answers stays here, and is not believed from them."""

from __future__ import annotations

from array import array

from vimesh.monitor.target import Target

NO_IDENTIFIER = 0
"""Of a ping in a volley: its sequence is not its own, so that a reply without a token cannot be for it."""
_U16 = 0xFFFF


Ping = tuple[Target, int, int, bytes, int, float]
"""The target; which probe of its round it is; its token; the address that it was sent to, as in an IP header; its ICMP
identifier; and when it was sent. A plain tuple: there is one for each ping by itself."""


class OpenPings:
    """Each is answered once at most."""

    def __init__(self) -> None:
        self._by_token: dict[int, Ping] = {}
        self._tokens: dict[Target, list[int]] = {}
        self._by_sequence = array("Q", bytes(8 * (_U16 + 1)))
        """The newest token that has it, open or not: few replies are looked for here."""

    def __contains__(self, target: Target) -> bool:
        """Say whether the target has a round in which it was pinged."""
        return target in self._tokens

    def add(self, ping: Ping) -> None:
        target, _, token, *_ = ping
        self._by_token[token] = ping
        self._by_sequence[sequence_of(token)] = token
        tokens = self._tokens.get(target)
        if tokens is None:
            self._tokens[target] = [token]
        else:
            tokens.append(token)

    def with_token(self, token: int) -> Ping | None:
        return self._by_token.get(token)

    def with_sequence(self, sequence: int) -> Ping | None:
        return self._by_token.get(self._by_sequence[sequence])

    def close(self, token: int) -> None:
        """Note that a ping has its answer: another one would count twice."""
        self._by_token.pop(token, None)

    def forget(self, target: Target) -> None:
        """Await no answer of the target: its round is over."""
        for token in self._tokens.pop(target, ()):
            self._by_token.pop(token, None)


def sequence_of(token: int) -> int:
    """Return the sequence of a ping by itself: a part of its token, so that it cannot be guessed either."""
    return token & _U16
