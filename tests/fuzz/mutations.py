"""Makes odd inputs from good ones: spliced, cut, doubled, and sprinkled with bytes on which parsers fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

_TOKENS = (
    *(
        b"\0",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"@",
        b"%25",
        b"[",
        b"]",
        b"\xff",
        b"\x80",
    ),
    *(b"0", b"-1", b"65535", b"65536", b"18446744073709551616", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\xc0\x0c", b"\xc0\x00", bytes(8), b"\xff" * 8),
)
_MOST_CHANGES = 6
_LONG = (2, 3, 10, 100, 1000, 30_000)

Change = Callable[[Random, bytearray, Sequence[bytes]], None]


def mutated(random: Random, data: bytes, others: Sequence[bytes], most_bytes: int) -> bytes:
    """Return the input after some changes; `others` are inputs to splice in."""
    changing = bytearray(data)
    for _ in range(random.randint(1, _MOST_CHANGES)):
        random.choice(_CHANGES)(random, changing, others)
        del changing[most_bytes:]
    return bytes(changing)


def _place(random: Random, data: bytearray) -> int:
    return random.randint(0, len(data))


def _range(random: Random, data: bytearray) -> slice:
    first, second = _place(random, data), _place(random, data)
    return slice(min(first, second), max(first, second))


def _flip(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - a change's signature
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _replace(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _insert_token(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    place = _place(random, data)
    data[place:place] = random.choice(_TOKENS)


def _insert_noise(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    place = _place(random, data)
    data[place:place] = random.randbytes(random.randint(1, 16))


def _cut_out(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    del data[_range(random, data)]


def _cut_end(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    del data[_place(random, data) :]


def _double(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    chosen = _range(random, data)
    data[chosen.stop : chosen.stop] = data[chosen]


def _repeat(random: Random, data: bytearray, others: Sequence[bytes]) -> None:  # noqa: ARG001 - as above
    """Repeat a few bytes very often: superlinear work shows here."""
    start = _place(random, data)
    few = bytes(data[start : start + random.choice((1, 1, 2, 4, 16))])
    data[start:start] = few * random.choice(_LONG)


def _splice(random: Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = bytearray(random.choice(others))
    data[_range(random, data)] = other[_range(random, other)]


_CHANGES: Sequence[Change] = (
    *(_flip, _replace, _insert_token, _insert_noise),
    *(_cut_out, _cut_end, _double, _repeat, _splice),
)
