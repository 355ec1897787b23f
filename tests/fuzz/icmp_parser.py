"""Fuzzes datagrams as the kernel passes them to a pinger: echo replies, and the content of its error queue."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.fuzz.parser import Parser
from tests.support.probers.no_volleys import NoVolleys
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.net.icmp_packet import (
    ECHO_REPLY_V4,
    ECHO_REPLY_V6,
    ECHO_REQUEST_V4,
    ECHO_REQUEST_V6,
    header,
    packet,
    token_payload,
)
from vimesh.monitor.net.ip_addresses import sockaddr_bytes
from vimesh.monitor.probes.icmp.echo_replies import EchoReplies
from vimesh.monitor.probes.icmp.icmp_errors import read_errors
from vimesh.monitor.probes.icmp.open_pings import OpenPings
from vimesh.monitor.probes.icmp.packet_batches import Inbox, batch_calls
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.cohorts import Cohort, CohortKey, Cohorts
from vimesh.monitor.targets.target import Target

_TOKEN, _STEADY_TOKEN = 0x0123456789ABCDEF, 0x0FEDCBA987654321
_IDENTIFIER, _NUMBER = 0x5678, 1
_SOURCE = bytes(range(16))
_RAW_V4 = 1
_SOCKETS = ((ECHO_REQUEST_V4, ECHO_REPLY_V4), (ECHO_REQUEST_V4, ECHO_REPLY_V4), (ECHO_REQUEST_V6, ECHO_REPLY_V6))
"""Request and reply, as on datagram sockets, raw ones with their IP header, and those of IPv6."""
_LEAD_BYTES = 4
_LENGTH = struct.Struct("!H")
_FROM_ERROR_QUEUE, _FROM_ELSEWHERE = 0x8000, 0x4000
_EXTENDED_ERROR = struct.Struct("=iBBBBII")
_IP_HEADER = b"\x45" + bytes(19)
_IP_HEADER_WITH_OPTIONS = b"\x4f" + bytes(59)

Message = tuple[bytes, list[tuple[int, int, bytes]], int, object]


class _KernelSocket(socket.socket):
    """A socket whose error queue we fill."""

    def __init__(self, errors: Sequence[bytes]) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._errors = list(errors)

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0) -> Message:  # noqa: ARG002 - as the kernel's
        if not self._errors:
            raise BlockingIOError
        error = self._errors.pop(0)
        ancillary = [(socket.IPPROTO_IP, 11, error[: _EXTENDED_ERROR.size])] if error else []
        return error[_EXTENDED_ERROR.size :][:bufsize], ancillary, 0, None


@dataclass(slots=True)
class _Hearing:
    """The outcomes of probes: all of them must concern the one that is under way."""

    target: Target
    heard: list[str] = field(default_factory=list)

    def record_answer(self, target: Target, number: int, round_trip_s: float) -> None:
        assert target is self.target
        assert number == _NUMBER
        assert round_trip_s >= 0
        self.heard.append("answered")

    def record_failure(self, target: Target, number: int, reason: str, detail: str) -> None:
        assert (target, number) == (self.target, _NUMBER)
        assert reason.isupper()
        assert detail.isprintable()
        self.heard.append("failed")

    def record_departure(self, target: Target) -> int:
        raise AssertionError(f"reading sent a probe to {target.vim_id}")

    def record_fault(self, target: Target, reason: str, detail: str) -> None:
        raise AssertionError(f"reading sent a probe to {target.vim_id}: {reason} {detail}")

    def resume_round(self, target: Target, sent_at: float) -> None:
        assert target is not self.target
        assert sent_at >= 0

    def schedule_round(self, target: Target) -> None:
        raise AssertionError(f"reading began a round of {target.vim_id}")


def _read(data: bytes) -> None:
    """The first byte decides the kind of socket; then comes each datagram, with its length and origin."""
    if not data:
        return
    which = data[0] % len(_SOCKETS)
    datagrams = list(_datagrams(data[1:]))
    hearing, replies = _replies(which)
    for (word, _), received in zip(
        [one for one in datagrams if not one[0] & _FROM_ERROR_QUEUE], _received(which, datagrams), strict=True
    ):
        source = bytes(16) if word & _FROM_ELSEWHERE else _SOURCE
        before = len(hearing.heard)
        replies.handle_datagram(received, source, 2.0)
        assert source == _SOURCE or len(hearing.heard) == before, "a foreign host answered"
    assert len(hearing.heard) <= 1, "one ping was answered twice"
    for error in _errors([content for word, content in datagrams if word & _FROM_ERROR_QUEUE]):
        replies.handle_error(*error)
    assert len(hearing.heard) <= 1, "one ping was answered, and failed"


def _datagrams(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield no more than the kernel holds for a socket of this kind."""
    at, count = 0, 0
    while at + _LENGTH.size <= len(data) and count < 10:
        (word,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        length = word & 0x1FF
        yield word, data[at : at + length]
        at, count = at + length, count + 1


def _received(which: int, datagrams: Sequence[tuple[int, bytes]]) -> Iterator[bytes]:
    """Let them pass through a socket, and the batches in which a pinger reads."""
    family = socket.AF_INET if which <= _RAW_V4 else socket.AF_INET6
    inbox = Inbox(batch_calls(), lead=_LEAD_BYTES if which == _RAW_V4 else 0, sockaddr_bytes=sockaddr_bytes(family))
    kernel, network = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with kernel, network:
        for word, content in datagrams:
            if not word & _FROM_ERROR_QUEUE:
                network.send(content, socket.MSG_DONTWAIT)
        while count := inbox.receive(kernel.fileno()):
            yield from (inbox.packet(place) for place in range(count))


def _errors(queued: Sequence[bytes]) -> list[tuple[bytes, int]]:
    with _KernelSocket(queued) as kernel:
        return [(error.quoted, error.number) for error in read_errors(kernel)]


def _replies(which: int) -> tuple[_Hearing, EchoReplies]:
    """Return a reader with one open ping, next to one in a volley."""
    ping = Method.PING
    target, steady = (
        Target(Action(name, "action", "http://127.0.0.1/", ProbePolicy(method=ping), 0)) for name in ("open", "steady")
    )
    hearing, pings = _Hearing(target), OpenPings()
    pings.add((target, _NUMBER, _TOKEN, _SOURCE, _IDENTIFIER, 1.0))
    cohorts = Cohorts(prober=NoVolleys(), wheel=TimingWheel(0.05), running=StallClock(time.monotonic), singly=hearing)
    cohort = Cohort(CohortKey(socket.AF_INET, 10, 1, 0), 0)
    cohort.add(steady, bytes(16))
    cohort.begin_volley(0)
    cohort.tokens[0] = _STEADY_TOKEN
    cohorts.open_tokens[_STEADY_TOKEN] = cohort
    request, reply = _SOCKETS[which]
    replies = EchoReplies(
        request=request,
        reply=reply,
        with_ip_header=which == _RAW_V4,
        pings=pings,
        cohorts=cohorts,
        listener=hearing,
    )
    return hearing, replies


def _input(which: int, *datagrams: bytes, flags: int = 0) -> bytes:
    return bytes([which]) + b"".join(_LENGTH.pack(flags | len(content)) + content for content in datagrams)


def _error(number: int, origin: int, quoted: bytes) -> bytes:
    content = _EXTENDED_ERROR.pack(number, origin, 3, 1, 0, 0, 0) + quoted
    return _LENGTH.pack(_FROM_ERROR_QUEUE | len(content)) + content


_V4, _V6 = (packet(kind, _IDENTIFIER, _TOKEN) for kind in (ECHO_REPLY_V4, ECHO_REPLY_V6))
_SENT_V4, _SENT_V6 = (packet(kind, _IDENTIFIER, _TOKEN) for kind in (ECHO_REQUEST_V4, ECHO_REQUEST_V6))
_STEADY = header(ECHO_REPLY_V4, _IDENTIFIER, 3) + token_payload(_STEADY_TOKEN)
_SENT_STEADY = header(ECHO_REQUEST_V4, _IDENTIFIER, 3) + token_payload(_STEADY_TOKEN)

PARSER = Parser(
    name="icmp",
    read=_read,
    seeds=(
        _input(0, _V4),
        _input(0, _STEADY, _V4, _STEADY, _V4),
        _input(0, _V4, flags=_FROM_ELSEWHERE),
        *(_input(0, _V4[:length]) for length in (0, 4, 8, 9, 15, 16, 20, 23)),
        _input(0, _V4 + bytes(100), _V4 + bytes(400)),
        _input(0, packet(ECHO_REPLY_V4, 1, _TOKEN), packet(ECHO_REPLY_V4, _IDENTIFIER, _TOKEN + 1), _SENT_V4),
        _input(1, _IP_HEADER + _V4, _IP_HEADER_WITH_OPTIONS + _V4, _IP_HEADER_WITH_OPTIONS[:10], b"\x40" + _V4),
        _input(1, _IP_HEADER + _V4[:8], _IP_HEADER, b""),
        _input(2, _V6, _V6[:-1], _V4),
        *(
            bytes([0]) + _error(number, origin, _SENT_V4)
            for number in (0, 1, 22, 101, 111, 113)
            for origin in (1, 2, 3)
        ),
        bytes([0]) + _error(113, 2, _SENT_STEADY) + _error(113, 2, _SENT_V4[:-1]) + _LENGTH.pack(_FROM_ERROR_QUEUE),
        bytes([0]) + _error(113, 2, _SENT_V4[:8]) + _error(113, 2, _V4) + _input(0, _V4)[1:],
        bytes([2]) + _error(113, 3, _SENT_V6) + _error(-(2**31), 3, _SENT_V6),
    ),
    most_bytes=4096,
)
