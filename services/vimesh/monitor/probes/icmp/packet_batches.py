"""Sends and receives many packets per system call: sendmmsg and recvmmsg, which Python's socket module lacks.

With one system call per packet, a ping costs a third more.
"""

from __future__ import annotations

import ctypes
import errno
import os
from array import array
from collections.abc import Callable
from dataclasses import dataclass

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ip_in_sockaddr
from vimesh.monitor.probes.base.prober import LocalFault

BATCH = 64
"""Packets per call. This many replies are sure to fit into the smallest receive buffer."""

_DONT_WAIT = 0x40
_TURNED = bytes(255 - octet for octet in range(256))
"""Each octet with all its bits inverted."""


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.c_void_p),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


@dataclass(frozen=True, slots=True)
class BatchCalls:
    """The two functions of the C library."""

    send: Callable[..., int]
    receive: Callable[..., int]


def batch_calls() -> BatchCalls:
    """Return both functions. Raises LocalFault if the C library lacks them, as none of the last ten years does."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        send, receive = libc.sendmmsg, libc.recvmmsg
    except AttributeError as error:
        raise LocalFault(Reason.LOCAL_RESOURCES, "the C library has no sendmmsg and recvmmsg") from error
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    receive.argtypes = (*send.argtypes, ctypes.c_void_p)
    return BatchCalls(send, receive)


class Outbox:
    """Packets with a shared start, each with its own address and with two numbers of its own at the end."""

    def __init__(self, calls: BatchCalls, *, shared_bytes: int, sockaddr_bytes: int) -> None:
        """`sockaddr_bytes`: the size of a socket address of the kernel."""
        self._call = calls.send
        self._sockaddr_bytes = sockaddr_bytes
        self._shared = bytearray(shared_bytes)
        self._numbers = memoryview(array("Q", bytes(2 * 8 * BATCH)))
        self._sockaddrs = bytearray(sockaddr_bytes * BATCH)
        self._parts = (_Part * (2 * BATCH))()
        self._messages = (_Message * BATCH)()
        shared_at, numbers_at, sockaddrs_at = _address(self._shared), _address(self._numbers), _address(self._sockaddrs)
        for index, message in enumerate(self._messages):
            self._parts[2 * index] = _Part(shared_at, shared_bytes)
            self._parts[2 * index + 1] = _Part(numbers_at + 16 * index, 16)
            message.header.name, message.header.name_length = sockaddrs_at + sockaddr_bytes * index, sockaddr_bytes
            message.header.parts = ctypes.addressof(self._parts) + 2 * index * ctypes.sizeof(_Part)
            message.header.part_count = 2
        self._messages_at = ctypes.addressof(self._messages)

    def load(self, shared: bytes, numbers: array[int], sockaddrs: bytes) -> None:
        """Load up to BATCH packets: `sockaddrs` are their addresses, concatenated.

        Each packet ends with its 64-bit number and the bitwise inverse of that.
        """
        count = len(numbers)
        self._shared[:] = shared
        self._sockaddrs[: count * self._sockaddr_bytes] = sockaddrs
        self._numbers[: 2 * count : 2] = memoryview(numbers)
        self._numbers[1 : 2 * count : 2] = memoryview(numbers.tobytes().translate(_TURNED)).cast("Q")

    def send(self, fd: int, first: int, end: int) -> int:
        """Send the packets from `first` up to but not including `end`, until one cannot be sent. Returns how many were.

        Raises OSError if the first cannot be sent.
        """
        sent = self._call(fd, self._messages_at + first * _MESSAGE_BYTES, end - first, _DONT_WAIT)
        if sent < 0:
            raise _os_error()
        return sent


class Inbox:
    """Received packets, each in a slot."""

    SLOT_BYTES = 128

    def __init__(self, calls: BatchCalls, *, lead: int, sockaddr_bytes: int) -> None:
        """`lead`: the offset of a packet in its slot. `sockaddr_bytes`: as for an Outbox."""
        self._call = calls.receive
        self._lead = lead
        self._sockaddr_bytes = sockaddr_bytes
        self._ip_at, self._ip_bytes = ip_in_sockaddr(sockaddr_bytes)
        self._bytes = bytearray(self.SLOT_BYTES * BATCH)
        self._words = memoryview(self._bytes).cast("Q")
        self._sockaddrs = bytearray(sockaddr_bytes * BATCH)
        self._parts = (_Part * BATCH)()
        in_memory = bytearray(_MESSAGE_BYTES * BATCH)
        self._messages = (_Message * BATCH).from_buffer(in_memory)
        self._lengths = memoryview(in_memory).cast("I")[_LENGTH_AT // 4 :: _MESSAGE_BYTES // 4]
        start, sockaddrs_at = _address(self._bytes), _address(self._sockaddrs)
        for index, message in enumerate(self._messages):
            self._parts[index] = _Part(start + self.SLOT_BYTES * index + lead, self.SLOT_BYTES - lead)
            message.header.name, message.header.name_length = sockaddrs_at + sockaddr_bytes * index, sockaddr_bytes
            message.header.parts = ctypes.addressof(self._parts) + index * ctypes.sizeof(_Part)
            message.header.part_count = 1
        self._messages_at = ctypes.addressof(self._messages)

    def receive(self, fd: int) -> int:
        """Receive up to BATCH packets, and return how many. Raises OSError."""
        count = self._call(fd, self._messages_at, BATCH, _DONT_WAIT, None)
        if count >= 0:
            return count
        if ctypes.get_errno() == errno.EAGAIN:
            return 0
        raise _os_error()

    def lengths(self, count: int) -> memoryview[int]:
        return self._lengths[:count]

    def octets(self, at: int, count: int) -> memoryview[int]:
        """Return the byte at offset `at` of each of the first `count` slots."""
        return memoryview(self._bytes)[at : count * self.SLOT_BYTES : self.SLOT_BYTES]

    def words(self, at: int, count: int) -> memoryview[int]:
        """Return the 64-bit word at offset `at`, a multiple of 8, of each of the first `count` slots.

        Bytes beyond the length of a packet are left over from earlier ones.
        """
        words = self.SLOT_BYTES // 8
        return self._words[at // 8 : count * words : words]

    def packet(self, place: int) -> bytes:
        """Return the received bytes of a packet, without leftovers."""
        start = place * self.SLOT_BYTES + self._lead
        return bytes(self._bytes[start : start + self._lengths[place]])

    def source(self, place: int) -> bytearray:
        """Return the source address of a packet, as in an IP header."""
        start = place * self._sockaddr_bytes + self._ip_at
        return self._sockaddrs[start : start + self._ip_bytes]


_MESSAGE_BYTES = ctypes.sizeof(_Message)
_LENGTH_AT = _Message.length.offset


def _address(buffer: bytearray | memoryview[int]) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def _os_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
