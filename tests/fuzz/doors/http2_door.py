"""Sends HTTP/2 frames that no client should send, to the front and to a conductor."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from random import Random
from typing import Final

from tests.fuzz.doors.door import Door
from tests.fuzz.doors.honest import Honest
from tests.fuzz.doors.http2_attacks import ATTACKS
from tests.fuzz.doors.http2_frames import PREFACE, SETTINGS, frame
from tests.fuzz.doors.verdicts import Reply
from tests.fuzz.mutations import mutated

AT_CONDUCTOR, BYTE_BY_BYTE, HANG_UP = 1, 2, 4
"""Bits of the first byte of an input: where it is sent and how. The rest of the input is what is sent."""
_MOST_BYTES: Final = 256 * 1024
_SINGLE_BYTES: Final = 400
_CONNECT_S, _LOOK_S = 10.0, 0.02
_BYTES_SHARE: Final = 0.4
_STREAM_S: Final = 0.003
"""CPU that a call may take which is one of many on a connection."""
_LEAST_STREAM_BYTES: Final = 60


class Http2Door(Door):
    def __init__(self, front: str, conductor: str, honest: Honest) -> None:
        self._front = front
        self._conductor = conductor
        self._honest = honest

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(ATTACKS)

    def good(self, kind: str) -> Sequence[bytes]:
        sent = _begun(b"".join(ATTACKS[kind](Random(kind))))
        return [bytes([how]) + sent for how in (0, AT_CONDUCTOR)]

    def make(self, random: Random, kind: str) -> bytes:
        sent = _begun(b"".join(ATTACKS[kind](random)))
        how = random.choice((0, AT_CONDUCTOR)) | random.choice((0, 0, 0, BYTE_BY_BYTE)) | random.choice((0, HANG_UP))
        # Bytes are changed for the front only: gRPC's server ends on a path that is not text, and must be restarted.
        if not how & AT_CONDUCTOR and random.random() < _BYTES_SHARE:
            sent = mutated(random, sent, [_begun(b"")], _MOST_BYTES)
        return bytes([how]) + sent

    def allowed_cpu_s(self, data: bytes) -> float:
        return 0.2 + _STREAM_S * len(data) / _LEAST_STREAM_BYTES

    def send(self, kind: str, data: bytes) -> Reply:  # noqa: ARG002 - the input says it all
        how, sent = data[0], data[1:]
        host, _, port = (self._conductor if how & AT_CONDUCTOR else self._front).rpartition(":")
        try:
            with socket.create_connection((host, int(port)), _CONNECT_S) as connection:
                code = _exchange(connection, how, sent)
        except OSError as error:
            return Reply("unreachable", f"no connection: {error}")
        return Reply(code, self._honest.complaint())


def _begun(frames: bytes) -> bytes:
    return (PREFACE + frame(SETTINGS, 0, 0) + frames)[:_MOST_BYTES]


def _exchange(connection: socket.socket, how: int, sent: bytes) -> str:
    """Send it, and read what comes back for a moment: no answer is promised."""
    connection.settimeout(_CONNECT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if how & BYTE_BY_BYTE:
            for place in range(min(_SINGLE_BYTES, len(sent))):
                connection.sendall(sent[place : place + 1])
            sent = sent[_SINGLE_BYTES:]
        connection.sendall(sent)
        if how & HANG_UP:
            return "left"
        connection.settimeout(_LOOK_S)
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return "open"
    except OSError:
        return "broken"
    return "closed"
