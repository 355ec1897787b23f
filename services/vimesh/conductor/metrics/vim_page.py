"""Writes the page of metrics that has one line for each VIM: `/metrics/vims`, for which Prometheus may ask in shards.

As text, and not by prometheus-client, which would take ten times as long.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.domain.actions import Shard
from vimesh.domain.fleet.store_statistics import VimLabels, VimSample
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.metrics.scrape_app import BadQuery, Page, Unavailable
from vimesh.rpc.caller_roles import PEOPLE

T = TypeVar("T")

_PAGE: Final = 1000
_MAX_SHARDS: Final = 1000
_AT_ONCE: Final = 2
"""The samples of a page are in memory until it was sent: about 20 MB for 100,000 VIMs."""
_MICROS: Final = 1_000_000
_SPECIAL = re.compile(r'[\\"\n]')
_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)
_PROBED: Final = {Status.REACHABLE.value: 1, Status.UNREACHABLE.value: 0}
"""What a probe said last, and nothing where nothing is known: absence is the honest value."""

_Labeled = tuple[str, VimSample]
"""The labels of a VIM, as text, and its sample."""
_Labels = dict[int, tuple[int, str]]
"""Labels as text, by the number of the VIM, each with the revision that they are of."""


class VimMetricsPage:
    def __init__(self, store: VimStore, loop: asyncio.AbstractEventLoop) -> None:
        """`loop`: in which the store is used. The page is written in another one."""
        self._store = store
        self._loop = loop
        self._running = 0
        self._labels: dict[Shard, _Labels] = {}
        """Those of the last page of each shard: most VIMs have not changed since. They take half of the time to get."""

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
        if any(other.count != shard.count for other in self._labels):
            self._labels = {}  # whoever asks has other shards now
        old_labels, labels = self._labels.get(shard, {}), _Labels()
        after, count = 0, _PAGE
        while count == _PAGE:
            samples = await self._ask(self._store.read_samples(shard, after, _PAGE))
            count = len(samples)
            if samples:
                after = samples[-1].number
                yield await self._label(samples, old_labels, labels)
        self._labels[shard] = labels

    async def _label(self, samples: Sequence[VimSample], old_labels: _Labels, labels: _Labels) -> Sequence[_Labeled]:
        """Return the samples with their labels, which are added to `labels`. A VIM that is gone by now is left out."""
        unknown: dict[int, int] = {}
        for number, revision, *_ in samples:
            old = old_labels.get(number)
            if old is not None and old[0] == revision:
                labels[number] = old
            else:
                unknown[number] = revision
        if unknown:
            for each in await self._ask(self._store.read_labels(list(unknown))):
                labels[each.number] = unknown[each.number], _labels_of(each)
        return [(labels[sample.number][1], sample) for sample in samples if sample.number in labels]

    async def _ask(self, call: Coroutine[object, object, T]) -> T:
        """Have the store called in its own loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))


def vim_page(store: VimStore, loop: asyncio.AbstractEventLoop) -> Page:
    return Page(VimMetricsPage(store, loop).write, may_read_vims)


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


def _labels_of(vim: VimLabels) -> str:
    name, project = vim.name, vim.project_id
    if _SPECIAL.search(name):
        name = _escaped(name)
    if _SPECIAL.search(project):
        project = _escaped(project)
    return f'vim_id="{vim.vim_id}",name="{name}",project="{project}",type="{vim.type}"'


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
