"""Datagrams as the kernel hands them to a pinger: echo replies, and what its error queue holds."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.fuzz.parser import Parser
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.cohorts import Cohort, Cohorts, Key
from vimesh.monitor.icmp_packet import ECHO_REPLY_V4, ECHO_REPLY_V6, own_part, shared_part
from vimesh.monitor.icmp_socket import IcmpSocket
from vimesh.monitor.packet_batches import batch_calls
from vimesh.monitor.pinger import Pinger
from vimesh.monitor.running_clock import RunningClock
from vimesh.monitor.target import Target
from vimesh.monitor.wheel import Wheel

_NONCE = b"a nonce."
_SERIAL, _STEADY_SERIAL = 7, 9
_NUMBER = 1
_SOCKETS = ((socket.AF_INET, False), (socket.AF_INET, True), (socket.AF_INET6, False), (socket.AF_INET6, True))
_LENGTH = struct.Struct("!H")
_FROM_ERROR_QUEUE = 0x8000
_EXTENDED_ERROR = struct.Struct("=iBBBBII")
_IP_HEADER = b"\x45" + bytes(19)
_IP_HEADER_WITH_OPTIONS = b"\x4f" + bytes(59)

Message = tuple[bytes, list[tuple[int, int, bytes]], int, object]


class _KernelSocket(socket.socket):
    """A socket with an error queue that is filled by us."""

    def __init__(self, errors: Sequence[bytes], opened: socket.socket) -> None:
        super().__init__(opened.family, opened.type, opened.proto, fileno=opened.detach())
        self._errors = list(errors)

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0) -> Message:  # noqa: ARG002 - as the kernel's
        if not self._errors:
            raise BlockingIOError
        error = self._errors.pop(0)
        ancillary = [(socket.IPPROTO_IP, 11, error[: _EXTENDED_ERROR.size])] if error else []
        return error[_EXTENDED_ERROR.size :][:bufsize], ancillary, 0, None


@dataclass(slots=True)
class _Hearing:
    """What became of probes: whatever came, it is about the one that is under way."""

    target: Target
    heard: list[str] = field(default_factory=list)

    def answered(self, target: Target, number: int, round_trip_s: float) -> None:
        assert target is self.target
        assert number >= 0
        assert round_trip_s >= 0
        self.heard.append("answered")

    def failed(self, target: Target, *words: object) -> None:
        assert target is self.target
        assert all(isinstance(word, int | str) for word in words)
        self.heard.append("failed")

    def departs(self, target: Target) -> int:
        raise AssertionError(f"reading sent a probe to {target.vim_id}")

    def faulted(self, target: Target, reason: str, detail: str) -> None:
        raise AssertionError(f"reading sent a probe to {target.vim_id}: {reason} {detail}")

    def resume(self, target: Target, serial: int, sent_at: float) -> None:
        assert (target is not self.target, serial) == (True, _STEADY_SERIAL)
        assert sent_at >= 0

    def begin(self, target: Target) -> None:
        raise AssertionError(f"reading began a round of {target.vim_id}")


class _NoVolleys:
    def reaches(self, family: int) -> bool:  # noqa: ARG002 - a prober's signature
        return True

    def send_volley(self, family: int, serials: range, names: bytes) -> list[int]:
        raise AssertionError(f"reading sent a volley: {family}, {serials}, {names!r}")

    def adopt(self, target: Target) -> None:
        """A round that goes on by itself."""


def _read(data: bytes) -> None:
    """The first byte says which kind of socket; then each datagram with its length."""
    if not data:
        return
    family, raw = _SOCKETS[data[0] % len(_SOCKETS)]
    datagrams = list(_datagrams(data[1:]))
    errors = [content for from_queue, content in datagrams if from_queue]
    kernel, network = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    kernel.setblocking(False)
    with network, _KernelSocket(errors, kernel) as icmp:
        for from_queue, content in datagrams:
            if not from_queue:
                network.send(content, socket.MSG_DONTWAIT)
        _drain(IcmpSocket(icmp, family, raw))


def _datagrams(data: bytes) -> Iterator[tuple[bool, bytes]]:
    """No more than the kernel holds for a socket of this kind."""
    at, count = 0, 0
    while at + _LENGTH.size <= len(data) and count < 10:
        (word,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        length = word & 0x1FF
        yield bool(word & _FROM_ERROR_QUEUE), data[at : at + length]
        at, count = at + length, count + 1


def _drain(icmp: IcmpSocket) -> None:
    ping = Method.PING
    target, steady = (
        Target(Action(name, "action", "http://127.0.0.1/", ProbePolicy(method=ping), 0)) for name in ("open", "steady")
    )
    target.serial = _SERIAL
    hearing = _Hearing(target)
    cohorts = Cohorts(wheel=Wheel(0.05), running=RunningClock(time.monotonic), singly=hearing)
    cohorts.use(_NoVolleys())
    cohort = Cohort(Key(icmp.family, 10, 1, 0), 0)
    cohort.add(steady, bytes(16))
    cohort.begin_volley(range(_STEADY_SERIAL, _STEADY_SERIAL + 1), 0)
    cohorts.awaiting[_STEADY_SERIAL] = cohort
    pinger = Pinger(
        icmp,
        batch_calls(),
        nonce=_NONCE,
        listener=hearing,
        clock=time.monotonic,
        under_way={_SERIAL: target},
        cohorts=cohorts,
    )
    pinger.drain()
    pinger._read_errors()


def _reply(kind: int, serial: int = _SERIAL, nonce: bytes = _NONCE) -> bytes:
    return shared_part(kind, nonce, 1.0, _NUMBER, sequence=1) + own_part(serial)


def _input(which: int, *datagrams: bytes) -> bytes:
    return bytes([which]) + b"".join(_LENGTH.pack(len(content)) + content for content in datagrams)


def _error(number: int, origin: int, packet: bytes) -> bytes:
    content = _EXTENDED_ERROR.pack(number, origin, 3, 1, 0, 0, 0) + packet
    return _LENGTH.pack(_FROM_ERROR_QUEUE | len(content)) + content


_V4, _V6 = _reply(ECHO_REPLY_V4), _reply(ECHO_REPLY_V6)
_STEADY = _reply(ECHO_REPLY_V4, _STEADY_SERIAL)

PARSER = Parser(
    name="icmp",
    read=_read,
    seeds=(
        _input(0, _V4),
        _input(0, _STEADY, _V4, _STEADY),
        _input(0, _V4[:8], _V4[:20], _V4[:-1], b"", _V4 + bytes(100), _V4 + bytes(400)),
        _input(0, _reply(ECHO_REPLY_V4, nonce=b"another."), _reply(8), _reply(ECHO_REPLY_V4, 2**64 - 1)),
        _input(1, _IP_HEADER + _V4, _IP_HEADER_WITH_OPTIONS + _V4, _IP_HEADER_WITH_OPTIONS[:10], b"\x40" + _V4),
        _input(2, _V6, _V6[:-1]),
        _input(3, _V6, _V4),
        *(bytes([0]) + _error(number, origin, _V4) for number in (0, 1, 22, 101, 111, 113) for origin in (1, 2, 3)),
        bytes([0]) + _error(113, 2, _STEADY) + _error(113, 2, _V4[:-1]) + _LENGTH.pack(_FROM_ERROR_QUEUE),
        bytes([2]) + _error(113, 3, _V6) + _error(-(2**31), 3, _V6),
    ),
    most_bytes=4096,
)
