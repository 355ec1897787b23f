"""Pings: one socket per family for all targets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from vimesh.monitor.addresses import Address
from vimesh.monitor.faults import local_fault, remote_failure
from vimesh.monitor.icmp_packet import (
    ECHO_REPLY_V4,
    ECHO_REPLY_V6,
    ECHO_REQUEST_V4,
    ECHO_REQUEST_V6,
    PACKET_BYTES,
    echo_request,
    token_of,
    with_checksum,
)
from vimesh.monitor.icmp_socket import IcmpSocket, open_icmp_socket
from vimesh.monitor.probes import Listener, LocalFault
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target

SENDS_PER_DRAIN = 64
"""Replies are read that often while a burst is sent, so that they find room in the buffer."""

_BUFFER_BYTES = 512
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_FROM_NETWORK = (2, 3)
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: not raised by our own kernel's checks."""


class Pinger:
    """Sends echo requests of one family, and reads what comes back."""

    def __init__(
        self, icmp: IcmpSocket, *, nonce: bytes, listener: Listener, clock: Clock, under_way: dict[int, Target]
    ) -> None:
        """`under_way`: the targets with an open round, by its serial."""
        self._socket = icmp.socket
        v4 = icmp.family == socket.AF_INET
        self._request = ECHO_REQUEST_V4 if v4 else ECHO_REQUEST_V6
        self._reply = ECHO_REPLY_V4 if v4 else ECHO_REPLY_V6
        self._raw_v4 = icmp.raw and v4
        self._identifier = int.from_bytes(nonce[:2], "big")
        self._nonce = nonce
        self._listener = listener
        self._clock = clock
        self._buffer = bytearray(_BUFFER_BYTES)
        self._sends = 0
        self._open = under_way

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, target: Target, number: int, address: Address) -> None:
        """Raises LocalFault."""
        token = (self._nonce, target.serial, number, self._clock())
        packet = echo_request(self._request, self._identifier, token)
        if self._raw_v4:
            packet = with_checksum(packet)
        self._open[target.serial] = target
        try:
            self._socket.sendto(packet, address.sockaddr)
        except OSError:
            self._send_again(target, packet, address)
        self._sends += 1
        if self._sends % SENDS_PER_DRAIN == 0:
            self.drain()

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
        receive, buffer = self._socket.recv_into, self._buffer
        while True:
            try:
                size = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                self._read_errors()
            else:
                self._read(size)

    def _read(self, size: int) -> None:
        offset = (self._buffer[0] & 15) * 4 if self._raw_v4 else 0
        if size < offset + PACKET_BYTES or self._buffer[offset] != self._reply:
            return
        nonce, serial, number, sent_at = token_of(self._buffer, offset)
        target = self._open.get(serial) if nonce == self._nonce else None
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
            nonce, serial, _, _ = token_of(packet)
            target = self._open.get(serial) if nonce == self._nonce else None
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


class Icmp:
    """The prober for PING, over whichever families this process may use."""

    def __init__(self, *, nonce: bytes, listener: Listener, clock: Clock) -> None:
        self._nonce = nonce
        self._listener = listener
        self._clock = clock
        self._open: dict[int, Target] = {}
        self.pingers: Mapping[int, Pinger] = {}
        self.faults: Mapping[int, LocalFault] = {}

    def __enter__(self) -> Self:
        pingers, faults = {}, {}
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                opened = open_icmp_socket(family)
            except LocalFault as fault:
                faults[int(family)] = fault
            else:
                pingers[int(family)] = Pinger(
                    opened,
                    nonce=self._nonce,
                    listener=self._listener,
                    clock=self._clock,
                    under_way=self._open,
                )
        self.pingers, self.faults = pingers, faults
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pinger in self.pingers.values():
            pinger.close()

    def send(self, target: Target, number: int, address: Address) -> bool:
        pinger = self.pingers.get(address.family)
        if pinger is None:
            fault = self.faults[address.family]
            raise LocalFault(fault.reason, fault.detail)
        pinger.send(target, number, address)
        return True

    def hang_up(self, target: Target) -> None:
        """Nothing is held open for a ping."""

    def forget(self, target: Target) -> None:
        self._open.pop(target.serial, None)
