"""Sends and reads the pings of one family of addresses, over a few sockets for all targets."""

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
from vimesh.monitor.net.ip_addresses import ProbeAddress, name_bytes, packed
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

SENDS_PER_DRAIN = 64
"""Replies are read that often while a burst is sent, so that they find room in the buffer."""
_MOST_BATCHES = 2048
"""Read in one go, which is more than the receive buffer holds: a VIM that sends without end does not keep the loop for
itself."""
_MOST_TRIES = 8
"""To send one packet, while errors about others come in."""

_IP_HEADER_BYTES = 20


class Pinger:
    """Sends echo requests of one family, and reads what comes back."""

    def __init__(  # noqa: PLR0913 - the parts of the engine that it stands between
        self,
        icmp: IcmpSocket,
        calls: BatchCalls,
        *,
        pings: OpenPings,
        listener: Listener,
        clock: Clock,
        cohorts: Cohorts,
        rotate_s: float,
    ) -> None:
        """`pings`: those of single rounds; `rotate_s`: see EchoSockets."""
        v4 = icmp.family == socket.AF_INET
        self._request, reply = (ECHO_REQUEST_V4, ECHO_REPLY_V4) if v4 else (ECHO_REQUEST_V6, ECHO_REPLY_V6)
        self._raw_v4 = icmp.raw and v4
        self._clock = clock
        self._sends = 0
        self._tokens = new_tokens()
        self._sequences = itertools.count()
        self._pings = pings
        self._awaiting = cohorts.awaiting
        self._sockets = EchoSockets(icmp, now=clock(), rotate_s=rotate_s)
        self._replies = EchoReplies(
            request=self._request,
            reply=reply,
            with_ip_header=self._raw_v4,
            pings=pings,
            cohorts=cohorts,
            listener=listener,
        )
        self._name_bytes = name_bytes(icmp.family)
        self._outbox = Outbox(calls, shared_bytes=HEADER_BYTES, name_bytes=self._name_bytes)
        # Behind an IP header, the words of the packet would not begin at multiples of 8 bytes.
        lead = -_IP_HEADER_BYTES % 8 if self._raw_v4 else 0
        self._header_at = lead + _IP_HEADER_BYTES if self._raw_v4 else 0
        self._inbox = Inbox(calls, lead=lead, name_bytes=self._name_bytes)
        # What a batch of answers to volleys looks like, column by column.
        self._lengths = memoryview(array("I", [self._header_at - lead + PACKET_BYTES] * BATCH))
        self._kinds = memoryview(bytes([reply]) * BATCH)

    def fileno(self) -> int:
        return self._sockets.fileno()

    def close(self) -> None:
        self._sockets.close()

    def send(self, target: Target, number: int, address: ProbeAddress) -> None:
        """Raises LocalFault."""
        now = target.last_sent  # as its round has just noted
        leaving, token = self._sockets.leave_by(number, now), next(self._tokens)
        self._pings.add((target, number, token, packed(address), leaving.identifier, now))
        ping = packet(self._request, leaving.identifier, token)
        if self._raw_v4:
            ping = with_checksum(ping)
        try:
            leaving.socket.sendto(ping, address.sockaddr)
        except OSError:
            self._send_again(target, leaving.socket, ping, address)
        self._sends += 1
        if self._sends % SENDS_PER_DRAIN == 0:
            self._drain(leaving.socket)

    def send_volley(self, tokens: array[int], names: bytes) -> list[int]:
        """Send a first probe with each token; return the places of those that could not be sent."""
        unsent: list[int] = []
        size = self._name_bytes
        leaving = self._sockets.leave_by(1, self._clock())
        for first in range(0, len(tokens), BATCH):
            batch = tokens[first : first + BATCH]
            shared = self._header(leaving, next(self._sequences))
            self._outbox.load(shared, batch, names[first * size : (first + len(batch)) * size])
            unsent += [first + place for place in self._send_batch(leaving.socket, len(batch))]
            self._read_batch(leaving.socket)  # as many as were sent: the others are told of by the loop
        return unsent

    def _send_batch(self, sock: socket.socket, count: int) -> list[int]:
        unsent: list[int] = []
        done = 0
        while done < count:
            try:
                done += self._outbox.send(sock.fileno(), done, count)
            except OSError:
                if not self._sends_again(sock, done):
                    unsent.append(done)
                done += 1
        return unsent

    def _sends_again(self, sock: socket.socket, place: int) -> bool:
        for _ in range(_MOST_TRIES):
            explained = self._read_errors(sock)  # see _send_again
            try:
                return self._outbox.send(sock.fileno(), place, place + 1) == 1
            except OSError:
                if not explained:
                    return False
        return False

    def _header(self, leaving: EchoSocket, sequence: int) -> bytes:
        shared = header(self._request, leaving.identifier, sequence)
        return with_checksum(shared) if self._raw_v4 else shared

    def _send_again(self, target: Target, sock: socket.socket, ping: bytes, address: ProbeAddress) -> None:
        # The error may be the answer to what was sent to another target before: sendto raises it and sends nothing. It
        # is our own only if nobody has sent us one: else a VIM could keep us from probing others.
        number = 0
        for _ in range(_MOST_TRIES):
            explained = self._read_errors(sock)
            if target not in self._pings:
                return  # what was read has ended the round
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
        """Read all that has come in."""
        for sock, failed in self._sockets.ready():
            if failed:
                self._read_errors(sock)
            self._drain(sock)

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_MOST_BATCHES):
            if not self._read_batch(sock):
                return

    def _read_batch(self, sock: socket.socket) -> bool:
        """Read some of what has come in; False: there was nothing."""
        try:
            count = self._inbox.receive(sock.fileno())
        except OSError:
            self._read_errors(sock)
            return True
        if count:
            self._read(count)
        return count > 0

    def _read(self, count: int) -> None:
        inbox, at, arrived = self._inbox, self._header_at, self._awaiting.pop
        usual = inbox.lengths(count) == self._lengths[:count] and inbox.octets(at, count) == self._kinds[:count]
        now = self._clock()
        for place, token in enumerate(inbox.words(at + TOKEN_AT, count).tolist()):
            # The answer of a steady VIM, which is nearly all of them, is done with here: it says nothing new. Having
            # the token is enough. To compare where it came from would mean looking up each VIM, and prove no more: who
            # sees the token of another VIM can write that VIM's address on the answer, too.
            if not usual:
                self._replies.hear(inbox.packet(place), bytes(inbox.source(place)), now)
            elif arrived(token, None) is None:
                self._replies.answer(token, inbox.source(place), now)

    def _read_errors(self, sock: socket.socket) -> bool:
        """Read what the network said about packets that were not delivered; False: nothing."""
        errors = read_errors(sock)
        for error in errors:
            if error.number:
                self._replies.hear_error(error.quoted, error.number)
        return bool(errors)
