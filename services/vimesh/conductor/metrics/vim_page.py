"""Writes the page of metrics that has one line for each VIM: `/metrics/vims`, for which Prometheus may ask in shards.

As text, and not by prometheus-client, which would take ten times as long.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeVar

from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.conductor.metrics.condition_lines import certificate_lines, condition_lines
from vimesh.conductor.metrics.vim_lines import LabelTexts, VimLines, label_text, shape_of
from vimesh.domain.actions import Shard
from vimesh.domain.fleet.store_statistics import VimSample
from vimesh.domain.vim_store import VimStore
from vimesh.metrics.scrape_app import BadQuery, Page, PageUnavailable
from vimesh.rpc.caller_roles import PEOPLE

T = TypeVar("T")

_PAGE: Final = 1000
_NUMBERS: Final = 1000
"""Of VIMs whose lines are written together. A VIM that comes or goes moves no other to another range."""
_MAX_SHARDS: Final = 1000
_WHOLE_SHARDS: Final = 4
"""With more shards, the labels of one of them are looked up, and not those of all VIMs gone through."""
_AT_ONCE: Final = 2
"""The samples of a page are in memory until it was sent: about 20 MB for 100,000 VIMs."""
_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)
_Samples = Sequence[VimSample]
_Range = tuple[VimLines, _Samples]
"""Lines of the VIMs of a range of numbers, and their values."""


class VimMetricsPage:
    def __init__(self, store: VimStore, loop: asyncio.AbstractEventLoop) -> None:
        """`loop`: in which the store is used. The page is written in another one."""
        self._store = store
        self._loop = loop
        self._running = 0
        self._lines: dict[Shard, dict[int, VimLines]] = {}
        """Those of the last page of each shard, by the range of numbers: most VIMs have not changed since."""

    async def write(self, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield the text in parts. Raises BadQuery, PageUnavailable, StoreUnavailable, Overloaded."""
        shard = _shard_of(parameters)
        if self._running >= _AT_ONCE:
            raise PageUnavailable(f"{_AT_ONCE} pages are being written")
        self._running += 1
        try:
            # The format wants all lines of a metric together, so the VIMs are read once, and gone through four times.
            ranges: list[_Range] = []
            head = _head("probe_success", "Whether the newest probe reached the VIM; none if that is not known.")
            async for lines, samples in self._ranges(shard):
                ranges.append((lines, samples))
                # With the first VIMs: if the database cannot be read, there is no answer.
                yield head + lines.successes
                head = b""
            yield head
            yield _head("probe_duration_seconds", "Round trip of the newest probe.")
            for lines, samples in ranges:
                yield lines.durations(samples)
            yield _head("vimesh_vim_status", "1 for the present status.")
            for lines, _ in ranges:
                yield lines.statuses
            yield _head("vimesh_vim_valid_until_seconds", "Unix time until which the status holds without a contact.")
            for lines, samples in ranges:
                yield lines.ends(samples)
            async for part in self._conditions(shard, ranges):
                yield part
        finally:
            self._running -= 1

    async def _conditions(self, shard: Shard, ranges: Sequence[_Range]) -> AsyncIterator[bytes]:
        """Yield the lines of conditions and certificates; nothing of a fleet that has none."""
        store, vims = self._store.conditions, dict[int, tuple[str, str]]()
        after, count = (0, ""), _PAGE
        head = _head("vimesh_vim_condition", "Whether a condition of the VIM holds; none if that is not known.")
        while count == _PAGE and (conditions := await self._ask(store.condition_samples(shard, after, _PAGE))):
            vims = vims or _texts_of(ranges)
            yield head + condition_lines(conditions, vims)
            after, count, head = conditions[-1][:2], len(conditions), b""
        number, count = 0, _PAGE
        head = _head("probe_ssl_earliest_cert_expiry", "Unix time at which the certificate of the VIM ends.")
        while count == _PAGE and (certificates := await self._ask(store.certificate_samples(shard, number, _PAGE))):
            vims = vims or _texts_of(ranges)
            yield head + certificate_lines(certificates, vims)
            number, count, head = certificates[-1].number, len(certificates), b""

    async def _ranges(self, shard: Shard) -> AsyncIterator[_Range]:
        if any(other.count != shard.count for other in self._lines):
            self._lines = {}  # whoever asks has other shards now
        old, lines = self._lines.get(shard, {}), dict[int, VimLines]()
        pages, labels = self._read_samples(shard), LabelTexts()
        if not old and shard.count <= _WHOLE_SHARDS:
            # The samples first, so that labels are not older than the revisions that they are kept with.
            read = [page async for page in pages]
            labels = await self._all_labels(shard, read)
            pages = _each(read)
        async for index, samples in _by_range(pages, _NUMBERS * shard.count):
            before = old.get(index)
            if before is not None and before.shape == shape_of(samples):
                lines[index] = before
                yield before, samples
                continue
            texts = await self._labels(samples, labels if before is None else before.labels)
            present = [sample for sample in samples if sample.number in texts]
            lines[index] = VimLines(present, texts)
            yield lines[index], present
        self._lines[shard] = lines

    async def _read_samples(self, shard: Shard) -> AsyncIterator[_Samples]:
        after, count = 0, _PAGE
        while count == _PAGE:
            samples = await self._ask(self._store.read_samples(shard, after, _PAGE))
            count = len(samples)
            if samples:
                after = samples[-1].number
                yield samples

    async def _all_labels(self, shard: Shard, pages: Iterable[_Samples]) -> LabelTexts:
        texts = {each.number: label_text(each) for each in await self._ask(self._store.read_all_labels(shard))}
        return {
            sample.number: (sample.revision, texts[sample.number])
            for page in pages
            for sample in page
            if sample.number in texts
        }

    async def _labels(self, samples: _Samples, former: LabelTexts) -> LabelTexts:
        """Return the labels of the VIMs that still exist: of those that changed since `former`, from the store."""
        labels = LabelTexts()
        changed: dict[int, int] = {}
        for sample in samples:
            old = former.get(sample.number)
            if old is not None and old[0] == sample.revision:
                labels[sample.number] = old
            else:
                changed[sample.number] = sample.revision
        if changed:
            for each in await self._ask(self._store.read_labels(list(changed))):
                labels[each.number] = changed[each.number], label_text(each)
        return labels

    async def _ask(self, call: Coroutine[object, object, T]) -> T:
        """Have the store called in its own loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))


def _texts_of(ranges: Iterable[_Range]) -> dict[int, tuple[str, str]]:
    """Return the status and the labels of all VIMs, by their numbers."""
    return {
        sample.number: (sample.status, lines.labels[sample.number][1])
        for lines, samples in ranges
        for sample in samples
        if sample.number in lines.labels
    }


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


async def _each(pages: Iterable[_Samples]) -> AsyncIterator[_Samples]:
    for page in pages:
        yield page


async def _by_range(pages: AsyncIterator[_Samples], size: int) -> AsyncIterator[tuple[int, _Samples]]:
    """Yield the samples of each range of `size` numbers together, with the index of the range."""
    index, samples = 0, list[VimSample]()
    async for page in pages:
        for next_index, group in groupby(page, key=lambda sample: sample.number // size):
            if next_index != index and samples:
                yield index, samples
                samples = []
            index = next_index
            samples.extend(group)
    if samples:
        yield index, samples


def _head(name: str, help_: str) -> bytes:
    return f"# HELP {name} {help_}\n# TYPE {name} gauge\n".encode()
