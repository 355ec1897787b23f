"""Sends the pings of one address family and reads the replies, over a few sockets for all targets."""

from __future__ import annotations

import itertools
import socket
from array import array

from vimesh.monitor.net.icmp_packet import (
    ECHO_REPLY_V4,
    ECHO_REPLY_V6,
    ECHO_REQUEST_V4,
    ECHO_REQUEST_V6,
    HEADER_BYTES,
    PACKET_BYTES,
    TOKEN_AT,
    header,
    new_tokens,
    packet,
    with_checksum,
)
from vimesh.monitor.net.ip_addresses import ProbeAddress, pack_ip, sockaddr_bytes
from vimesh.monitor.probes.base.errno_reasons import local_fault
from vimesh.monitor.probes.base.prober import Listener
from vimesh.monitor.probes.icmp.echo_replies import EchoReplies
from vimesh.monitor.probes.icmp.echo_sockets import EchoSocket, EchoSockets
from vimesh.monitor.probes.icmp.icmp_errors import read_errors
from vimesh.monitor.probes.icmp.icmp_socket import IcmpSocket
from vimesh.monitor.probes.icmp.open_pings import OpenPings
from vimesh.monitor.probes.icmp.packet_batches import BATCH, BatchCalls, Inbox, Outbox
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.cohorts import Cohorts
from vimesh.monitor.targets.target import Target
from vimesh.runtime.histogram import Histogram

SENDS_PER_DRAIN = 64
"""Pings sent between two reads during a burst, so that the replies fit into the receive buffer."""
_MOST_BATCHES = 2048
"""Maximum per read, more than the receive buffer holds: a VIM that never stops sending cannot occupy the loop."""
_MOST_TRIES = 8
"""Attempts to send one packet while errors about other packets arrive."""

_IP_HEADER_BYTES = 20


class Pinger:
    """Sends the echo requests of one address family, and reads the replies and errors."""

    def __init__(  # noqa: PLR0913 - it connects these parts of the engine
        self,
        icmp: IcmpSocket,
        calls: BatchCalls,
        *,
        pings: OpenPings,
        listener: Listener,
        clock: Clock,
        cohorts: Cohorts,
        rotate_s: float,
        round_trips: Histogram,
    ) -> None:
        """`pings`: the open pings of single rounds; `rotate_s`: see EchoSockets; `round_trips`: a sample of volleys."""
        v4 = icmp.family == socket.AF_INET
        self._request, reply = (ECHO_REQUEST_V4, ECHO_REPLY_V4) if v4 else (ECHO_REQUEST_V6, ECHO_REPLY_V6)
        self._raw_v4 = icmp.raw and v4
        self._clock = clock
        self._sends = 0
        self._tokens = new_tokens()
        self._sequences = itertools.count()
        self._pings = pings
        self._cohorts = cohorts
        self._round_trips = round_trips
        self._sockets = EchoSockets(icmp, now=clock(), rotate_s=rotate_s)
        self._replies = EchoReplies(
            request=self._request,
            reply=reply,
            with_ip_header=self._raw_v4,
            pings=pings,
            cohorts=cohorts,
            listener=listener,
        )
        self._sockaddr_bytes = sockaddr_bytes(icmp.family)
        self._outbox = Outbox(calls, shared_bytes=HEADER_BYTES, sockaddr_bytes=self._sockaddr_bytes)
        # The lead aligns the words of a packet to 8 bytes, which its IP header alone would not do.
        lead = -_IP_HEADER_BYTES % 8 if self._raw_v4 else 0
        self._header_at = lead + _IP_HEADER_BYTES if self._raw_v4 else 0
        self._inbox = Inbox(calls, lead=lead, sockaddr_bytes=self._sockaddr_bytes)
        # Lengths and types in a batch of answers to volleys, to compare whole columns.
        self._lengths = memoryview(array("I", [self._header_at - lead + PACKET_BYTES] * BATCH))
        self._kinds = memoryview(bytes([reply]) * BATCH)

    def fileno(self) -> int:
        return self._sockets.fileno()

    def close(self) -> None:
        self._sockets.close()

    def send(self, target: Target, number: int, address: ProbeAddress) -> None:
        """Send one ping. Raises LocalFault."""
        now = target.last_sent  # its round has just set this
        sender, token = self._sockets.socket_for(number, now), next(self._tokens)
        self._pings.add((target, number, token, pack_ip(address), sender.identifier, now))
        ping = packet(self._request, sender.identifier, token)
        if self._raw_v4:
            ping = with_checksum(ping)
        try:
            sender.socket.sendto(ping, address.sockaddr)
        except OSError:
            self._retry_ping(target, sender.socket, ping, address)
        self._sends += 1
        if self._sends % SENDS_PER_DRAIN == 0:
            self._drain(sender.socket)

    def send_volley(self, tokens: array[int], sockaddrs: bytes) -> list[int]:
        """Send a first probe with each token; return the indexes of those that could not be sent."""
        unsent: list[int] = []
        size = self._sockaddr_bytes
        sender = self._sockets.socket_for(1, self._clock())
        for first in range(0, len(tokens), BATCH):
            batch = tokens[first : first + BATCH]
            shared = self._header(sender, next(self._sequences))
            self._outbox.load(shared, batch, sockaddrs[first * size : (first + len(batch)) * size])
            unsent += [first + place for place in self._send_batch(sender.socket, len(batch))]
            self._read_batch(sender.socket)  # a batch for each batch sent: the loop reads the rest
        return unsent

    def _send_batch(self, sock: socket.socket, count: int) -> list[int]:
        unsent: list[int] = []
        done = 0
        while done < count:
            try:
                done += self._outbox.send(sock.fileno(), done, count)
            except OSError:
                if not self._retry_packet(sock, done):
                    unsent.append(done)
                done += 1
        return unsent

    def _retry_packet(self, sock: socket.socket, place: int) -> bool:
        for _ in range(_MOST_TRIES):
            explained = self._read_errors(sock)  # see _retry_ping
            try:
                return self._outbox.send(sock.fileno(), place, place + 1) == 1
            except OSError:
                if not explained:
                    return False
        return False

    def _header(self, sender: EchoSocket, sequence: int) -> bytes:
        shared = header(self._request, sender.identifier, sequence)
        return with_checksum(shared) if self._raw_v4 else shared

    def _retry_ping(self, target: Target, sock: socket.socket, ping: bytes, address: ProbeAddress) -> None:
        # The error may belong to an earlier packet to another target: sendto then raises it and sends nothing. A fault
        # is local only if the error queue is empty, or else a VIM could keep us from probing others.
        number = 0
        for _ in range(_MOST_TRIES):
            explained = self._read_errors(sock)
            if target not in self._pings:
                return  # one of the errors has ended the round
            try:
                sock.sendto(ping, address.sockaddr)
            except OSError as error:
                number = error.errno or 0
                if not explained:
                    break
            else:
                return
        raise local_fault(number)

    def drain(self) -> None:
        """Read everything that has arrived."""
        for sock, failed in self._sockets.readable_sockets():
            if failed:
                self._read_errors(sock)
            self._drain(sock)

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_MOST_BATCHES):
            if not self._read_batch(sock):
                return

    def _read_batch(self, sock: socket.socket) -> bool:
        """Read at most one batch; False: nothing had arrived."""
        try:
            count = self._inbox.receive(sock.fileno())
        except OSError:
            self._read_errors(sock)
            return True
        if count:
            self._handle_batch(count)
        return count > 0

    def _handle_batch(self, count: int) -> None:
        inbox, at = self._inbox, self._header_at
        usual = inbox.lengths(count) == self._lengths[:count] and inbox.octets(at, count) == self._kinds[:count]
        now = self._clock()
        if not usual:
            for place in range(count):
                self._replies.handle_datagram(inbox.packet(place), bytes(inbox.source(place)), now)
            return
        tokens = inbox.words(at + TOKEN_AT, count).tolist()
        # The answers of steady VIMs, which are nearly all, end here, because they bring nothing new. The token is proof
        # enough: comparing the source would mean looking up each VIM, and prove no more, because a host that sees the
        # token of another VIM can forge that VIM's address as well.
        answered = self._cohorts.take_answers(tokens, now)
        if (first := answered[0]) is not None:
            # One for the batch, as all of it is read at the same time: thousands of steady VIMs answer each second.
            self._round_trips.observe(now - first.sent_at)
        if not all(answered):
            for place, cohort in enumerate(answered):
                if cohort is None:
                    self._replies.handle_reply(tokens[place], inbox.source(place), now)

    def _read_errors(self, sock: socket.socket) -> bool:
        """Handle the network's errors about undelivered packets; False: the error queue was empty."""
        errors = read_errors(sock)
        for error in errors:
            if error.number:
                self._replies.handle_error(error.quoted, error.number)
        return bool(errors)
