"""Defines summaries: how many VIMs have which status, in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.filters.filter_fields import LABEL_PREFIX, field_of
from vimesh.domain.filters.vim_filter import EVERY_VIM, Filter
from vimesh.domain.vims import Status

GROUP_FIELDS = ("status", "reason", "type", "project_id", "engine")
MAX_GROUP_FIELDS = 3
MAX_GROUPS = 1000

GroupValues = tuple[str | None, ...]
"""None: the VIMs do not have the label."""


@dataclass(frozen=True, slots=True)
class SummaryQuery:
    filter: Filter = EVERY_VIM
    group_by: tuple[str, ...] = ()
    """Up to three of GROUP_FIELDS and labels, each once."""
    projects: frozenset[str] | None = None
    """The projects whose VIMs exist for the caller; None: all."""


@dataclass(frozen=True, slots=True)
class SummaryGroup:
    values: GroupValues
    """In the order of `group_by`."""
    counts: Mapping[Status, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class VimSummary:
    groups: Sequence[SummaryGroup]
    """The largest first, at most MAX_GROUPS."""
    total: SummaryGroup
    """All that match, without values."""
    omitted_groups: int


def parse_group_by(fields: Sequence[str]) -> tuple[str, ...]:
    """Check the fields to group by. Raises BadInput."""
    for field in fields:
        if field not in GROUP_FIELDS and not (field.startswith(LABEL_PREFIX) and field_of(field)):
            names = ", ".join((*GROUP_FIELDS, "labels.KEY"))
            raise BadInput(Violation("group_by", f"{field[:50]!r} cannot be grouped by; use some of {names}"))
    if len(set(fields)) < len(fields) or len(fields) > MAX_GROUP_FIELDS:
        raise BadInput(Violation("group_by", f"must be at most {MAX_GROUP_FIELDS} fields, each once"))
    return tuple(fields)


def summary_of(counts: Mapping[tuple[GroupValues, Status], int]) -> VimSummary:
    """Make a summary of the number of VIMs with each values and status."""
    groups: dict[GroupValues, dict[Status, int]] = {}
    total = dict.fromkeys(Status, 0)
    for (values, status), count in counts.items():
        if count:
            of_group = groups.setdefault(values, dict.fromkeys(Status, 0))
            of_group[status] += count
            total[status] += count
    sized = [SummaryGroup(values, of_group) for values, of_group in groups.items()]
    # Equally large groups have an order, too: None comes before every text.
    sized.sort(key=lambda group: (-group.total, [(value is not None, value or "") for value in group.values]))
    return VimSummary(sized[:MAX_GROUPS], SummaryGroup((), total), max(0, len(sized) - MAX_GROUPS))
