"""Converts summaries of VIMs to messages."""

from __future__ import annotations

from vimesh.domain.filters.vim_summary import SummaryGroup, VimSummary
from vimesh.domain.vims import Status
from vimesh.v1 import vim_service_pb2 as pb


def summary_message(summary: VimSummary) -> pb.SummarizeVimsResponse:
    return pb.SummarizeVimsResponse(
        groups=[
            pb.VimGroup(
                values=[pb.VimGroupValue(value=value) for value in group.values],
                counts=_counts_message(group),
            )
            for group in summary.groups
        ],
        total=_counts_message(summary.total),
        omitted_groups=summary.omitted_groups,
    )


def _counts_message(group: SummaryGroup) -> pb.VimStatusCounts:
    return pb.VimStatusCounts(
        total=group.total,
        pending=group.counts[Status.PENDING],
        reachable=group.counts[Status.REACHABLE],
        unreachable=group.counts[Status.UNREACHABLE],
        unknown=group.counts[Status.UNKNOWN],
    )
