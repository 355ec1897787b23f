"""Decompresses bodies, within limits, by any method that kombu knows: a few bytes can expand to gigabytes."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping

import brotli
from backports import zstd

from vimesh.bridge.messages.oslo_messages import MAX_BODY_BYTES, Malformed

_MOST_BYTES = MAX_BODY_BYTES + 1
"""Decompression stops here: one byte over the limit is enough to detect a body that is too large."""
_ZLIB_OR_GZIP = 47
"""Accepts both formats: kombu labels zlib streams as gzip, other publishers send real gzip."""
_LZMA_MEMORY_BYTES = 72 * 2**20
"""Enough for the highest preset."""
_ZSTD_WINDOW: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MiB, which every decoder should support. The window of kombu's own frames is no larger than the body."""
_FAULTS = (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError, zstd.ZstdError, brotli.error)

_Undo = Callable[[bytes], tuple[bytes, bool]]
"""Returns at most `_MOST_BYTES` of the plain body, and whether the stream is complete."""


def _zlib(body: bytes) -> tuple[bytes, bool]:
    stream = zlib.decompressobj(_ZLIB_OR_GZIP)
    return stream.decompress(body, _MOST_BYTES), stream.eof


def _bz2(body: bytes) -> tuple[bytes, bool]:
    stream = bz2.BZ2Decompressor()
    return stream.decompress(body, _MOST_BYTES), stream.eof


def _lzma(body: bytes) -> tuple[bytes, bool]:
    stream = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES)
    return stream.decompress(body, _MOST_BYTES), stream.eof


def _zstd(body: bytes) -> tuple[bytes, bool]:
    stream = zstd.ZstdDecompressor(options=_ZSTD_WINDOW)
    return stream.decompress(body, _MOST_BYTES), stream.eof


def _brotli(body: bytes) -> tuple[bytes, bool]:
    stream = brotli.Decompressor()
    return stream.process(body, output_buffer_limit=_MOST_BYTES), stream.is_finished()


_METHODS: Mapping[str, _Undo] = {
    **dict.fromkeys(("application/x-gzip", "application/gzip", "gzip", "x-gzip", "zlib", "deflate"), _zlib),
    **dict.fromkeys(("application/x-bz2", "bz2", "bzip2", "bzip"), _bz2),
    **dict.fromkeys(("application/x-lzma", "lzma", "xz"), _lzma),
    **dict.fromkeys(("application/zstd", "zstd", "zstandard"), _zstd),
    **dict.fromkeys(("application/x-brotli", "brotli", "br"), _brotli),
}
"""By kombu's names and aliases, and by those that AMQP publishers use in content-encoding."""


def is_compression(name: str) -> bool:
    return name.lower() in _METHODS


def decompress(body: bytes, name: str) -> bytes:
    """Decompress a body, which may take 0.1 s of CPU. Raises Malformed."""
    method = _METHODS.get(name.lower())
    if method is None:
        raise Malformed(f"its compression {name!r} is not known")
    try:
        plain, is_all = method(body)
    except _FAULTS as error:
        raise Malformed(f"it claims to be compressed by {name!r}, but is not") from error
    if len(plain) > MAX_BODY_BYTES:
        raise Malformed(f"it has more than {MAX_BODY_BYTES} bytes when decompressed")
    if not is_all:
        raise Malformed(f"it is compressed by {name!r}, and its end is missing")
    return plain
