"""Asks the kernel for the addresses of this machine (rtnetlink), which needs no permission."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

# From linux/netlink.h and linux/rtnetlink.h; the socket module lacks them.
_ROUTE = 0
_REQUEST, _DUMP = 1, 0x300
_ERROR, _DONE = 2, 3
_GET_ADDRESSES, _NEW_ADDRESS = 22, 20
_ADDRESS, _LOCAL = 1, 2
_MESSAGE = struct.Struct("=IHHII")
_INTERFACE = struct.Struct("=BBBBI")
_NUMBER = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")
_BUFFER_BYTES = 1 << 16


def interface_addresses() -> frozenset[bytes]:
    """Return the addresses of all interfaces, as in IP headers. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _ROUTE) as kernel:
        kernel.setblocking(False)  # the kernel answers within our own calls
        length = _MESSAGE.size + _INTERFACE.size
        request = _MESSAGE.pack(length, _GET_ADDRESSES, _REQUEST | _DUMP, 1, 0)
        kernel.send(request + _INTERFACE.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
        return frozenset(_addresses_from(kernel))


def _addresses_from(kernel: socket.socket) -> Iterator[bytes]:
    while True:
        for kind, body in _messages_in(kernel.recv(_BUFFER_BYTES)):
            if kind == _DONE:
                return
            if kind == _ERROR:
                (number,) = _NUMBER.unpack_from(body)
                raise OSError(-number, os.strerror(-number))
            if kind == _NEW_ADDRESS:
                attributes = dict(_attributes_in(body[_INTERFACE.size :]))
                # With a peer, as in a tunnel, the plain attribute is the address of the peer.
                if own := attributes.get(_LOCAL, attributes.get(_ADDRESS)):
                    yield own


def _messages_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _MESSAGE.size:
        length, kind, *_ = _MESSAGE.unpack_from(data)
        yield kind, data[_MESSAGE.size : length]
        data = data[_padded(max(length, _MESSAGE.size)) :]


def _attributes_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[_padded(max(length, _ATTRIBUTE.size)) :]


def _padded(length: int) -> int:
    return (length + 3) & ~3
