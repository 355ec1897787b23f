"""Writes the page of metrics that has one line for each VIM: `/metrics/vims`, for which Prometheus may ask in shards.

As text, and not by prometheus-client, which would take ten times as long.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final

from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.domain.actions import Shard
from vimesh.domain.store_statistics import VimSample
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.metrics.scrape_app import BadQuery, Page, Unavailable
from vimesh.rpc.caller_roles import PEOPLE

_PAGE: Final = 1000
_MAX_SHARDS: Final = 1000
_AT_ONCE: Final = 2
"""A page is kept in memory until it was sent: about 40 MB for 100,000 VIMs."""
_MICROS: Final = 1_000_000
_SPECIAL = re.compile(r'[\\"\n]')
_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)
_PROBED: Final = {Status.REACHABLE.value: 1, Status.UNREACHABLE.value: 0}
"""What a probe said last, and nothing where nothing is known: absence is the honest value."""

_Labeled = tuple[str, VimSample]
"""The labels of a VIM, as text, and its sample."""


class VimPage:
    def __init__(self, store: VimStore, loop: asyncio.AbstractEventLoop) -> None:
        """`loop`: in which the store is used. The page is written in another one."""
        self._store = store
        self._loop = loop
        self._running = 0

    async def write(self, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield the text in parts. Raises BadQuery, Unavailable, StoreUnavailable, Overloaded."""
        shard = _shard_of(parameters)
        if self._running >= _AT_ONCE:
            raise Unavailable(f"{_AT_ONCE} pages are being written")
        self._running += 1
        try:
            # The format wants all lines of a metric together, so the VIMs are read once, and gone through four times.
            labeled: list[Sequence[_Labeled]] = []
            head = _head("probe_success", "Whether the newest probe reached the VIM; none if that is not known.")
            async for page in self._pages(shard):
                labeled.append(page)
                # With the first VIMs: if the database cannot be read, there is no answer.
                yield head + _text(_successes(page))
                head = b""
            yield head
            yield _head("probe_duration_seconds", "Round trip of the newest probe.")
            for page in labeled:
                yield _text(_durations(page))
            yield _head("vimesh_vim_status", "1 for the present status.")
            for page in labeled:
                yield _text(_statuses(page))
            yield _head("vimesh_vim_valid_until_seconds", "Unix time until which the status holds without a contact.")
            for page in labeled:
                yield _text(_ends(page))
        finally:
            self._running -= 1

    async def _pages(self, shard: Shard) -> AsyncIterator[Sequence[_Labeled]]:
        after, count = 0, _PAGE
        while count == _PAGE:
            reading = asyncio.run_coroutine_threadsafe(self._store.read_samples(shard, after, _PAGE), self._loop)
            samples = await asyncio.wrap_future(reading)
            count = len(samples)
            if samples:
                after = samples[-1].number
                yield [(_labels(sample), sample) for sample in samples]


def vim_page(store: VimStore, loop: asyncio.AbstractEventLoop) -> Page:
    return Page(VimPage(store, loop).write, may_read_vims)


def may_read_vims(caller: SpiffeId) -> bool:
    """Return whether a certificate is that of somebody who may list all VIMs at the front: its name says the role."""
    return caller.role is Role.CLI and caller.name.partition(".")[0] in PEOPLE


def _shard_of(parameters: Mapping[str, str]) -> Shard:
    if unknown := sorted(parameters.keys() - {"shard"}):
        raise BadQuery(f"the only parameter is shard, unlike {unknown[0][:50]!r}")
    text = parameters.get("shard", "0/1")
    matched = _SHARD.fullmatch(text)
    index, count = (int(matched[1]), int(matched[2])) if matched else (0, 0)
    if not index < count <= _MAX_SHARDS:
        raise BadQuery(f"shard must be i/n with i from 0 to n-1, and n at most {_MAX_SHARDS}, not {text[:50]!r}")
    return Shard(index, count)


def _labels(sample: VimSample) -> str:
    name, project = sample.name, sample.project_id
    if _SPECIAL.search(name):
        name = _escaped(name)
    if _SPECIAL.search(project):
        project = _escaped(project)
    return f'vim_id="{sample.vim_id}",name="{name}",project="{project}",type="{sample.type}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _successes(page: Sequence[_Labeled]) -> Iterator[str]:
    for labels, sample in page:
        if (success := _PROBED.get(sample.status)) is not None:
            yield f"probe_success{{{labels}}} {success}\n"


def _durations(page: Sequence[_Labeled]) -> Iterator[str]:
    for labels, sample in page:
        if sample.round_trip_s is not None and sample.status in _PROBED:
            yield f"probe_duration_seconds{{{labels}}} {sample.round_trip_s!r}\n"


def _statuses(page: Sequence[_Labeled]) -> Iterator[str]:
    for labels, sample in page:
        yield f'vimesh_vim_status{{{labels},status="{sample.status}"}} 1\n'


def _ends(page: Sequence[_Labeled]) -> Iterator[str]:
    for labels, sample in page:
        if (until := sample.valid_until) is not None:
            yield f"vimesh_vim_valid_until_seconds{{{labels}}} {until / _MICROS!r}\n"


def _head(name: str, help_: str) -> bytes:
    return f"# HELP {name} {help_}\n# TYPE {name} gauge\n".encode()


def _text(lines: Iterable[str]) -> bytes:
    return "".join(lines).encode()
