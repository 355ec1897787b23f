"""Writes the lines of conditions and certificates in the page of metrics of single VIMs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.vim_conditions.condition_rules import needs_reachability
from vimesh.domain.vim_conditions.condition_samples import CertificateSample, ConditionSample
from vimesh.domain.vims import Status

_MICROS: Final = 1_000_000
_VALUES: Final = {ConditionStatus.TRUE: 1, ConditionStatus.FALSE: 0}

VimTexts = Mapping[int, tuple[str, str]]
"""The status and the labels of each VIM, by its number."""


def condition_lines(samples: Iterable[ConditionSample], vims: VimTexts) -> bytes:
    """Return the lines of conditions that are known now."""
    lines: list[str] = []
    for number, type_, status in samples:
        if status not in _VALUES or number not in vims:
            continue
        of_vim, labels = vims[number]
        if of_vim == Status.REACHABLE or not needs_reachability(type_):
            lines.append(f'vimesh_vim_condition{{{labels},condition="{type_}"}} {_VALUES[status]}\n')
    return "".join(lines).encode()


def certificate_lines(samples: Iterable[CertificateSample], vims: VimTexts) -> bytes:
    """Return the lines that say when certificates end, under the name that the blackbox exporter gives that."""
    return "".join(
        f"probe_ssl_earliest_cert_expiry{{{vims[number][1]}}} {not_after / _MICROS!r}\n"
        for number, not_after in samples
        if number in vims
    ).encode()
