"""The lines that some VIMs have in the page of metrics. What is as it was on the last page is not written anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vimesh.domain.fleet.store_statistics import VimLabels, VimSample
from vimesh.domain.vims import Status

_MICROS: Final = 1_000_000
_SPECIAL = re.compile(r'[\\"\n]')
_PROBED: Final = {Status.REACHABLE.value: 1, Status.UNREACHABLE.value: 0}
"""What a probe said last, and nothing where nothing is known: absence is the honest value."""

LabelTexts = dict[int, tuple[int, str]]
"""Labels as text, by the number of the VIM, each with the revision that they are of."""
Shape = list[tuple[int, int, str, bool, bool]]
"""What decides which lines there are, and all of their text but for the values that change with each contact."""


class VimLines:
    """The lines of VIMs. The values of all are put into a template by one call, which is cheaper than line by line."""

    __slots__ = ("_durations", "_ends", "labels", "shape", "statuses", "successes")

    def __init__(self, samples: Sequence[VimSample], labels: LabelTexts) -> None:
        """`labels`: has those of all samples."""
        texts = [labels[sample.number][1] for sample in samples]
        self.shape = shape_of(samples)
        self.labels = labels
        self.successes = "".join(
            f"probe_success{{{text}}} {_PROBED[sample.status]}\n"
            for text, sample in zip(texts, samples, strict=True)
            if sample.status in _PROBED
        ).encode()
        self.statuses = "".join(
            f'vimesh_vim_status{{{text},status="{sample.status}"}} 1\n'
            for text, sample in zip(texts, samples, strict=True)
        ).encode()
        templates = [text.replace("%", "%%") for text in texts]
        self._durations = "".join(
            f"probe_duration_seconds{{{text}}} %r\n"
            for text, sample in zip(templates, samples, strict=True)
            if sample.round_trip_s is not None and sample.status in _PROBED
        )
        self._ends = "".join(
            f"vimesh_vim_valid_until_seconds{{{text}}} %r\n"
            for text, sample in zip(templates, samples, strict=True)
            if sample.valid_until is not None
        )

    def durations(self, samples: Sequence[VimSample]) -> bytes:
        """Return the lines of round trips. `samples`: of the same shape."""
        values = [each.round_trip_s for each in samples if each.round_trip_s is not None and each.status in _PROBED]
        return (self._durations % tuple(values)).encode()

    def ends(self, samples: Sequence[VimSample]) -> bytes:
        """Return the lines of leases. `samples`: of the same shape."""
        values = [each.valid_until / _MICROS for each in samples if each.valid_until is not None]
        return (self._ends % tuple(values)).encode()


def shape_of(samples: Sequence[VimSample]) -> Shape:
    return [
        (number, revision, status, round_trip_s is None, valid_until is None)
        for number, revision, status, round_trip_s, valid_until in samples
    ]


def label_text(vim: VimLabels) -> str:
    name, project = vim.name, vim.project_id
    if _SPECIAL.search(name):
        name = _escaped(name)
    if _SPECIAL.search(project):
        project = _escaped(project)
    return f'vim_id="{vim.vim_id}",name="{name}",project="{project}",type="{vim.type}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
