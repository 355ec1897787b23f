"""Bodies that callers have compressed, as `kombu_compression` does, and what only says so."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import aio_pika
import brotli
import pytest
from backports import zstd

from tests.bridge.bridges import Bridge, nothing_left
from tests.bridge.site import PATIENCE_S, Site, Vim
from tests.support.amqp.oslo_client import oslo_process
from tests.support.timing.cpu_budget import cpu_budget
from tests.support.timing.waiting import eventually, until
from vimesh.bridge.messages.compression import decompress
from vimesh.bridge.messages.oslo_messages import MAX_BODY_BYTES, Malformed

METHODS: Mapping[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": zlib.compress,
    "application/x-bz2": bz2.compress,
    "application/x-lzma": lzma.compress,
    "application/zstd": zstd.compress,
    "application/x-brotli": brotli.compress,
}
"""kombu's own, by what it writes into the header."""
_MEGABYTE = bytes(10**6)


@pytest.mark.parametrize("name", METHODS)
def test_what_was_compressed_is_read(name: str) -> None:
    body = json.dumps({"method": "update_vim", "args": {"x": "y" * 1000}}).encode()

    assert decompress(METHODS[name](body), name) == body
    assert decompress(METHODS[name](b"x" * MAX_BODY_BYTES), name) == b"x" * MAX_BODY_BYTES


@pytest.mark.parametrize("name", METHODS)
def test_a_body_is_refused_that_is_longer_or_shorter_than_it_should_be_or_something_else(name: str) -> None:
    packed = METHODS[name](bytes(range(256)))
    for body, why in (
        (METHODS[name](bytes(MAX_BODY_BYTES + 1)), "more than 262144 bytes when"),
        (packed[: len(packed) // 2], "its end is missing"),
        (b"", "its end is missing"),
        (b'{"method": "update_vim"}', "to be compressed by"),
    ):
        with pytest.raises(Malformed, match=why):
            decompress(body, name)


@pytest.mark.parametrize("name", ["snappy", "application/x-snappy", "?", "gzip2"])
def test_an_unknown_compression_is_named(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        decompress(b"", name)

    assert f"compression {name!r} is not known" in str(refused.value)


def test_the_worst_that_a_body_can_hold_takes_a_tenth_of_a_second() -> None:
    slowest = bz2.compress(b"".join(number.to_bytes(3, "big") for number in range(75_000)) * 4)
    assert len(slowest) < MAX_BODY_BYTES

    for attempt in cpu_budget(0.2):
        with attempt, pytest.raises(Malformed):
            decompress(slowest, "bz2")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("compression", ["gzip", "bzip2", "lzma", "zstd", "brotli"])
async def test_callers_that_compress_are_answered(site: Site, bridge: Bridge, compression: str) -> None:
    vim = await site.register()
    async with oslo_process(site.folder, site.broker.url, kombu_compression=compression) as caller:
        called = await caller.call(vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id)
        failed = await caller.call("drop_vim")

    assert called["answer"] == "REACHABLE"
    assert failed["error"] == "NoSuchMethod"
    assert (await site.client.get(vim.id)).status == Vim.REACHABLE
    assert not bridge.said("dropped")


@pytest.mark.asyncio(loop_scope="module")
async def test_bombs_are_one_line_each_and_take_neither_memory_nor_cpu(site: Site, bridge: Bridge) -> None:
    megabytes = {"application/x-gzip": 100, "application/x-bz2": 20, "application/x-lzma": 50}
    bombs = {name: _zeros(name, megabytes.get(name, 1000)) for name in METHODS}
    assert all(len(body) <= MAX_BODY_BYTES for body in bombs.values())
    most_before, cpu_before_s, told = _most_memory_bytes(bridge.pid), _cpu_s(bridge.pid), bridge.said("dropped")

    for compression, body in bombs.items():
        await _publish(site, aio_pika.Message(body, headers={"compression": compression}))
    await until(lambda: bridge.said("when decompressed") == len(bombs), PATIENCE_S)
    await eventually(lambda: nothing_left(site.broker), PATIENCE_S)

    grown, cpu_s = _most_memory_bytes(bridge.pid) - most_before, _cpu_s(bridge.pid) - cpu_before_s
    assert bridge.said("dropped") == told + len(bombs)
    assert grown < 40 * 2**20
    assert cpu_s < 1  # to undo all of them would take several times as much


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"headers": {"compression": "application/x-snappy"}}, "compression 'application/x-snappy' is not known"),
        ({"headers": {"compression": 7}}, "compression '?' is not known"),
        ({"headers": {"compression": "x" * 300}}, f"compression '{'x' * 64}' is not known"),
        ({"headers": {"compression": "é\n"}}, "compression '???' is not known"),
        ({"headers": {"compression": "gzip"}}, "it claims to be compressed by 'gzip', but is not"),
        ({"content_encoding": "gzip"}, "it claims to be compressed by 'gzip', but is not"),
        ({"content_type": "application/x-msgpack"}, "content_type=application/x-msgpack"),
        ({"content_encoding": "snappy"}, "content_encoding=snappy"),
    ],
)
async def test_a_body_that_cannot_be_read_is_named_by_what_it_says_of_itself(
    site: Site, bridge: Bridge, properties: dict[str, object], says: str
) -> None:
    told = bridge.said("dropped")
    await _publish(site, aio_pika.Message(b"\x81\xa6method", **properties))  # type: ignore[arg-type]  # by name

    await until(lambda: bridge.said("dropped") == told + 1, PATIENCE_S)
    assert says in bridge.log.read_text().splitlines()[-1]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    ("write", "properties"),
    [
        (str.encode, {"content_type": "text/plain"}),
        (str.encode, {"content_type": None, "content_encoding": "latin-1"}),
        (lambda text: text.encode("utf-16"), {"content_encoding": "utf-16"}),
        (lambda text: text.encode("utf-8-sig"), {}),
        (lambda text: zlib.compress(text.encode()), {"content_encoding": "deflate"}),
        (lambda text: bz2.compress(text.encode()), {"headers": {"a": {"b": [1, "c"]}, "compression": "BZIP2"}}),
        (
            lambda text: lzma.compress(zlib.compress(text.encode())),
            {"content_encoding": "gzip", "headers": {"compression": "xz"}},
        ),
    ],
)
async def test_a_body_is_read_whatever_is_said_of_it(
    site: Site, write: Callable[[str], bytes], properties: dict[str, object]
) -> None:
    vim = await site.register()
    arguments = {"vim_id": vim.id, "status": "REACHABLE", "action_id": vim.monitor.action_id}
    call = {"method": "update_vim", "args": arguments, "version": "1.0", "_unique_id": uuid4().hex}
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(call)})

    await _publish(site, aio_pika.Message(write(body), **properties))  # type: ignore[arg-type]  # by name

    await site.until(vim, Vim.REACHABLE)


def _zeros(name: str, megabytes: int) -> bytes:
    """Compress as many megabytes of zeros, one after the other."""
    compress, end = _streams(name)
    return b"".join(compress(_MEGABYTE) for _ in range(megabytes)) + end()


def _streams(name: str) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    match name:
        case "application/x-gzip":
            return (deflate := zlib.compressobj()).compress, deflate.flush
        case "application/x-bz2":
            return (burrows := bz2.BZ2Compressor()).compress, burrows.flush
        case "application/x-lzma":
            return (chain := lzma.LZMACompressor(preset=0)).compress, chain.flush
        case "application/zstd":
            return (finite := zstd.ZstdCompressor()).compress, finite.flush
        case _:
            return (woff := brotli.Compressor(quality=3)).process, woff.finish


def _most_memory_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024


def _cpu_s(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


async def _publish(site: Site, message: aio_pika.Message) -> None:
    async with await aio_pika.connect(site.broker.url.replace("rabbit://", "amqp://")) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(message, routing_key="TACKER_CONDUCTOR")
