"""Matches datagrams with the pings that they answer. Needs no socket, and never raises, whatever the bytes."""

from __future__ import annotations

from vimesh.monitor.net.icmp_packet import Echo, parse_echo, strip_ip_header, token_payload
from vimesh.monitor.probes.base.errno_reasons import remote_failure
from vimesh.monitor.probes.base.prober import Listener, LocalFault
from vimesh.monitor.probes.icmp.open_pings import OpenPings
from vimesh.monitor.targets.cohorts import Cohorts


class EchoReplies:
    """Handles replies and errors for the pings of one address family, one at a time."""

    def __init__(  # noqa: PLR0913 - it connects these parts of the engine
        self,
        *,
        request: int,
        reply: int,
        with_ip_header: bool,
        pings: OpenPings,
        cohorts: Cohorts,
        listener: Listener,
    ) -> None:
        """`request`, `reply`: ICMP types. `with_ip_header`: datagrams start with one, as on raw IPv4 sockets."""
        self._request = request
        self._reply = reply
        self._with_ip_header = with_ip_header
        self._pings = pings
        self._cohorts = cohorts
        self._listener = listener

    def handle_datagram(self, datagram: bytes, source: bytes, now: float) -> None:
        """Handle a datagram from a socket; `source`: the address that it came from, as in an IP header."""
        echo = parse_echo(strip_ip_header(datagram) if self._with_ip_header else datagram)
        if echo is None or echo.kind != self._reply:
            return
        token = echo.token
        if token is None:
            token = self._truncated_token(echo)
        elif self._cohorts.take_answers((token,), now)[0] is not None:
            return  # an answer to a volley, in a batch that looked unusual
        if token is not None:
            self.handle_reply(token, source, now)

    def handle_reply(self, token: int, source: bytes | bytearray, now: float) -> None:
        """Handle an echo reply with this token, which does not belong to a volley under way."""
        ping = self._pings.take_from(token, source)
        if ping is not None:
            target, number, _, _, _, sent_at = ping
            self._listener.record_answer(target, number, max(0.0, now - sent_at))

    def _truncated_token(self, echo: Echo) -> int | None:
        """Return the token of a reply that was truncated within it: the remaining part must match."""
        ping = self._pings.find_by_sequence(echo.sequence)
        if ping is None:
            return None
        _, _, token, _, identifier, _ = ping
        return token if echo.identifier == identifier and token_payload(token).startswith(echo.payload) else None

    def handle_error(self, quoted: bytes, number: int) -> None:
        """Handle the error number that the kernel derived from an ICMP message, and the packet that it quotes."""
        echo = parse_echo(quoted)
        token = None if echo is None or echo.kind != self._request else echo.token
        if token is None:
            return  # forged, or too short to prove that it is not: the VIM's silence decides
        try:
            reason, detail = remote_failure(number)
        except LocalFault:
            return  # proves nothing about the VIM
        self._cohorts.continue_singly(token)
        ping = self._pings.take(token)
        if ping is not None:
            target, probe, *_ = ping
            self._listener.record_failure(target, probe, reason, detail)
