"""Pings of one family of addresses: one socket for all targets."""

from __future__ import annotations

import socket
import struct
from array import array
from contextlib import suppress

from vimesh.monitor.addresses import Address, name_bytes
from vimesh.monitor.cohorts import Cohorts
from vimesh.monitor.faults import local_fault, remote_failure
from vimesh.monitor.icmp_packet import (
    ECHO_REPLY_V4,
    ECHO_REPLY_V6,
    ECHO_REQUEST_V4,
    ECHO_REQUEST_V6,
    NONCE_AT,
    PACKET_BYTES,
    SERIAL_AT,
    SHARED_BYTES,
    own_part,
    shared_part,
    token_of,
    with_checksum,
)
from vimesh.monitor.icmp_socket import IcmpSocket
from vimesh.monitor.packet_batches import BATCH, BatchCalls, Inbox, Outbox
from vimesh.monitor.probes import Listener, LocalFault
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target

SENDS_PER_DRAIN = 64
"""Replies are read that often while a burst is sent, so that they find room in the buffer."""

_BUFFER_BYTES = 512
_IP_HEADER_BYTES = 20
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_FROM_NETWORK = (2, 3)
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: not raised by our own kernel's checks."""


class Pinger:
    """Sends echo requests of one family, and reads what comes back."""

    def __init__(  # noqa: PLR0913 - the parts of the engine that it stands between
        self,
        icmp: IcmpSocket,
        calls: BatchCalls,
        *,
        nonce: bytes,
        listener: Listener,
        clock: Clock,
        under_way: dict[int, Target],
        cohorts: Cohorts,
    ) -> None:
        """`under_way`: the targets with an open round, by its serial."""
        self._socket = icmp.socket
        v4 = icmp.family == socket.AF_INET
        self._request = ECHO_REQUEST_V4 if v4 else ECHO_REQUEST_V6
        self._reply = ECHO_REPLY_V4 if v4 else ECHO_REPLY_V6
        self._raw_v4 = icmp.raw and v4
        self._nonce = nonce
        self._listener = listener
        self._clock = clock
        self._sends = 0
        self._open = under_way
        self._cohorts = cohorts
        self._name_bytes = name_bytes(icmp.family)
        fd = icmp.socket.fileno()
        self._outbox = Outbox(calls, fd, shared_bytes=SHARED_BYTES, name_bytes=self._name_bytes)
        # Behind an IP header, the words of the packet would not begin at multiples of 8 bytes.
        self._lead = -_IP_HEADER_BYTES % 8 if self._raw_v4 else 0
        self._header_at = self._lead + _IP_HEADER_BYTES if self._raw_v4 else 0
        self._inbox = Inbox(calls, fd, lead=self._lead)
        # What a batch of answers to volleys looks like, column by column.
        self._lengths = memoryview(array("I", [self._header_at - self._lead + PACKET_BYTES] * BATCH))
        self._kinds = memoryview(bytes([self._reply]) * BATCH)
        self._nonces = memoryview(nonce * BATCH).cast("Q")

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, target: Target, number: int, address: Address) -> None:
        """Raises LocalFault."""
        packet = self._shared(number, target.serial + number) + own_part(target.serial)
        self._open[target.serial] = target
        try:
            self._socket.sendto(packet, address.sockaddr)
        except OSError:
            self._send_again(target, packet, address)
        self._sends += 1
        if self._sends % SENDS_PER_DRAIN == 0:
            self.drain()

    def send_volley(self, serials: range, names: bytes) -> list[int]:
        """Send a first probe for each serial; return the places of those that could not be sent."""
        unsent: list[int] = []
        size = self._name_bytes
        for first in range(0, len(serials), BATCH):
            batch = serials[first : first + BATCH]
            self._outbox.load(self._shared(1, batch.start), batch, names[first * size : (first + len(batch)) * size])
            unsent += [first + place for place in self._send_batch(len(batch))]
            self._read_batch()  # as many as were sent: the others are told of by the loop
        return unsent

    def _send_batch(self, count: int) -> list[int]:
        unsent: list[int] = []
        done = 0
        while done < count:
            try:
                done += self._outbox.send(done, count)
            except OSError:
                if not self._sends_again(done):
                    unsent.append(done)
                done += 1
        return unsent

    def _sends_again(self, place: int) -> bool:
        self._read_errors()  # see _send_again
        try:
            return self._outbox.send(place, place + 1) == 1
        except OSError:
            return False

    def _shared(self, number: int, sequence: int) -> bytes:
        shared = shared_part(self._request, self._nonce, self._clock(), number, sequence=sequence)
        return with_checksum(shared) if self._raw_v4 else shared

    def _send_again(self, target: Target, packet: bytes, address: Address) -> None:
        # The error may be the answer to what was sent to another target before: sendto raises it and sends nothing.
        self._read_errors()
        if target.serial not in self._open:
            return  # what was read has ended the round
        try:
            self._socket.sendto(packet, address.sockaddr)
        except OSError as error:
            raise local_fault(error.errno or 0) from error

    def drain(self) -> None:
        """Read all that has come in."""
        while self._read_batch():
            pass

    def _read_batch(self) -> bool:
        """Read some of what has come in; False: there was nothing."""
        try:
            count = self._inbox.receive()
        except OSError:
            self._read_errors()
            return True
        if count:
            self._read(count)
        return count > 0

    def _read(self, count: int) -> None:
        inbox, at = self._inbox, self._header_at
        lengths, arrived = inbox.lengths(count), self._cohorts.awaiting.pop
        usual = (
            lengths == self._lengths[:count]
            and inbox.octets(at, count) == self._kinds[:count]
            and inbox.words(at + NONCE_AT, count) == self._nonces[:count]
        )
        for place, serial in enumerate(inbox.words(at + SERIAL_AT, count).tolist()):
            # The answer of a steady VIM, which is nearly all of them, is done with here: it says nothing new.
            if not usual or arrived(serial, None) is None:
                self._read_single(place * inbox.SLOT_BYTES + self._lead, lengths[place])

    def _read_single(self, start: int, length: int) -> None:
        packet = self._inbox.bytes
        ip_header = (packet[start] & 15) * 4 if self._raw_v4 else 0
        if length < ip_header + PACKET_BYTES or packet[start + ip_header] != self._reply:
            return
        nonce, sent_at, number, serial = token_of(packet, start + ip_header)
        # An answer to a volley comes here, too, if its IP header has options.
        if nonce != self._nonce or self._cohorts.awaiting.pop(serial, None) is not None:
            return
        target = self._open.get(serial)
        if target is not None:
            self._listener.answered(target, number, max(0.0, self._clock() - sent_at))

    def _read_errors(self) -> None:
        """Read what routers and hosts said about packets that they did not deliver."""
        while True:
            try:
                packet, messages, _, _ = self._socket.recvmsg(_BUFFER_BYTES, _BUFFER_BYTES, _MSG_ERRQUEUE)
            except OSError:
                return
            number = _network_error(messages)
            if len(packet) < PACKET_BYTES or not number:
                continue
            nonce, _, _, serial = token_of(packet)
            if nonce != self._nonce:
                continue
            self._cohorts.rouse(serial)
            target = self._open.get(serial)
            if target is not None:
                with suppress(LocalFault):  # a message that says nothing about the VIM: its silence will
                    self._listener.failed(target, *remote_failure(number))


def _network_error(messages: list[tuple[int, int, bytes]]) -> int:
    for _, _, data in messages:
        if len(data) >= _EXTENDED_ERROR.size:
            number, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
            if origin in _FROM_NETWORK:
                return int(number)
    return 0
