"""Converts explanations to messages."""

from __future__ import annotations

import datetime as dt
from typing import Final

from vimesh.domain.explain.claims import (
    ClaimKind,
    Explanation,
    Facts,
    FactValue,
    ForeseenKind,
    PossibleChange,
    VimClaim,
)
from vimesh.v1 import explanation_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.wire.vim_messages import STATUS_VALUES
from vimesh.wire.wire_durations import duration, timestamp

_CLAIM_KINDS: Final = {kind: pb.VimClaim.Kind.Value(kind.value) for kind in ClaimKind}
_CHANGE_KINDS: Final = {kind: pb.PossibleChange.Kind.Value(kind.value) for kind in ForeseenKind}


def explanation_message(explanation: Explanation) -> pb.Explanation:
    return pb.Explanation(
        vim_id=explanation.vim_id,
        name=explanation.name,
        status=STATUS_VALUES[explanation.status],
        reason=explanation.reason,
        as_of=timestamp(explanation.as_of),
        revision=explanation.revision,
        headline=explanation.headline,
        claims=map(_claim_message, explanation.claims),
        next=map(_change_message, explanation.possible_changes),
    )


def _claim_message(claim: VimClaim) -> pb.VimClaim:
    return pb.VimClaim(kind=_CLAIM_KINDS[claim.kind], sentence=claim.sentence, facts=_fact_texts(claim.facts))


def _change_message(change: PossibleChange) -> pb.PossibleChange:
    return pb.PossibleChange(
        kind=_CHANGE_KINDS[change.kind],
        sentence=change.sentence,
        status=STATUS_VALUES[change.status] if change.status else vim_pb2.Vim.STATUS_UNSPECIFIED,
        time=None if change.time is None else timestamp(change.time),
        command=change.command,
        facts=_fact_texts(change.facts),
    )


def _fact_texts(facts: Facts) -> dict[str, str]:
    return {name: _fact_text(value) for name, value in facts.items()}


def _fact_text(value: FactValue) -> str:
    """Return a fact as protobuf's JSON has values of its type."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return timestamp(value).ToJsonString()
    if isinstance(value, dt.timedelta):
        return duration(max(value.total_seconds(), 0.0)).ToJsonString()
    return str(value)
