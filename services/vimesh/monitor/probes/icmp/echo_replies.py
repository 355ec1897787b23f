"""Which ping a datagram answers. Needs no socket: any bytes may be handed to it, and none of them make it raise."""

from __future__ import annotations

from vimesh.monitor.net.icmp_packet import Echo, behind_ip_header, echo_in, own_part
from vimesh.monitor.probes.base.errno_reasons import remote_failure
from vimesh.monitor.probes.base.prober import Listener, LocalFault
from vimesh.monitor.probes.icmp.open_pings import OpenPings
from vimesh.monitor.targets.cohorts import Cohorts


class EchoReplies:
    """Hears what comes in for the pings of one family, one by one."""

    def __init__(  # noqa: PLR0913 - the parts of the engine that it stands between
        self,
        *,
        request: int,
        reply: int,
        with_ip_header: bool,
        pings: OpenPings,
        cohorts: Cohorts,
        listener: Listener,
    ) -> None:
        """`request`, `reply`: the types of ICMP. `with_ip_header`: datagrams begin with it, as on raw IPv4 sockets."""
        self._request = request
        self._reply = reply
        self._with_ip_header = with_ip_header
        self._pings = pings
        self._cohorts = cohorts
        self._listener = listener

    def hear(self, datagram: bytes, source: bytes, now: float) -> None:
        """Take in a datagram as a socket gave it; `source`: the address that it came from, as in an IP header."""
        echo = echo_in(behind_ip_header(datagram) if self._with_ip_header else datagram)
        if echo is None or echo.kind != self._reply:
            return
        token = echo.token
        if token is None:
            token = self._token_cut_off(echo)
        elif self._cohorts.awaiting.pop(token, None) is not None:
            return  # an answer to a volley that looked unusual
        if token is not None:
            self.answer(token, source, now)

    def answer(self, token: int, source: bytes | bytearray, now: float) -> None:
        """Take in an echo reply with this token, which is not one of a volley under way."""
        ping = self._pings.take_from(token, source)
        if ping is not None:
            target, number, _, _, _, sent_at = ping
            self._listener.answered(target, number, max(0.0, now - sent_at))

    def _token_cut_off(self, echo: Echo) -> int | None:
        """Return the token that a reply must have had which ends within it: what there is must be right."""
        ping = self._pings.with_sequence(echo.sequence)
        if ping is None:
            return None
        _, _, token, _, identifier, _ = ping
        return token if echo.identifier == identifier and own_part(token).startswith(echo.payload) else None

    def hear_error(self, quoted: bytes, number: int) -> None:
        """Take in the error number that the kernel made of an ICMP message, and what that quotes of a packet."""
        echo = echo_in(quoted)
        token = None if echo is None or echo.kind != self._request else echo.token
        if token is None:
            return  # forged, or cut so short that anybody could have: the silence of the VIM will tell
        try:
            reason, detail = remote_failure(number)
        except LocalFault:
            return  # says nothing about the VIM
        self._cohorts.rouse(token)
        ping = self._pings.take(token)
        if ping is not None:
            target, probe, *_ = ping
            self._listener.failed(target, probe, reason, detail)
