"""Converts probes that somebody asks for, and what they saw, to messages and back."""

from __future__ import annotations

import datetime as dt
from typing import Final

from vimesh.domain.probes.asked_probes import LONGEST_PATIENCE_S, AskedProbe, ProbeSighting
from vimesh.domain.vims import Status
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.wire.probes.evidence_messages import evidence_message, evidence_of
from vimesh.wire.vim_messages import STATUS_VALUES, STATUSES, policy_from_message, policy_message
from vimesh.wire.wire_durations import duration, seconds, timestamp

_MAX_DETAIL: Final = 512


def requested_probe(probe_id: int, probe: AskedProbe, within_s: float) -> pb.RequestedProbe:
    return pb.RequestedProbe(
        probe_id=probe_id,
        vim_id=probe.vim_id,
        auth_url=probe.auth_url,
        probe_policy=policy_message(probe.policy),
        within=duration(within_s),
        vim_type=probe.vim_type,
        wants_evidence=probe.wants_evidence,
    )


def asked_probe(message: pb.RequestedProbe) -> AskedProbe:
    policy = policy_from_message(message.probe_policy)
    return AskedProbe(message.vim_id, message.auth_url, policy, message.vim_type, message.wants_evidence)


def probe_answer(probe_id: int, status: Status, reason: str, detail: str, round_trip_s: float | None) -> pb.ProbeAnswer:
    answer = pb.ProbeAnswer(probe_id=probe_id, status=STATUS_VALUES[status], reason=reason, detail=detail[:_MAX_DETAIL])
    if round_trip_s is not None:
        answer.round_trip.CopyFrom(duration(round_trip_s))
    return answer


def sighting_of(answer: pb.ProbeAnswer, monitor_id: str, vantage: str) -> ProbeSighting:
    """Read an answer that keeps the rules of its proto."""
    return ProbeSighting(
        status=STATUSES[answer.status],
        reason=answer.reason,
        detail=answer.detail,
        round_trip_s=seconds(answer.round_trip) if answer.HasField("round_trip") else None,
        monitor_id=monitor_id,
        vantage=vantage,
        evidence=evidence_of(answer.evidence) if answer.HasField("evidence") else None,
    )


def probe_result(sighting: ProbeSighting, time: dt.datetime) -> vim_pb2.ProbeResult:
    return vim_pb2.ProbeResult(
        status=STATUS_VALUES[sighting.status],
        reason=sighting.reason,
        detail=sighting.detail,
        round_trip=None if sighting.round_trip_s is None else duration(sighting.round_trip_s),
        monitor_id=sighting.monitor_id,
        vantage=sighting.vantage,
        time=timestamp(time),
        evidence=None if sighting.evidence is None else evidence_message(sighting.evidence),
    )


def patience_of(vim: pb.FailedVim) -> float:
    """Return how many seconds another monitor shall wait for an answer."""
    return seconds(vim.patience) if vim.HasField("patience") else LONGEST_PATIENCE_S


def second_opinion(position: int, sighting: ProbeSighting | None, *, of_host: bool = False) -> pb.SecondOpinion:
    """Return the opinion of a monitor about the VIM at a position; None, and one that could not tell, is none.

    `of_host`: whether it has seen others of its host.
    """
    if sighting is None or sighting.status is Status.UNKNOWN:
        return pb.SecondOpinion(position=position)
    return pb.SecondOpinion(
        position=position,
        of_host=of_host,
        status=STATUS_VALUES[sighting.status],
        reason=sighting.reason,
        round_trip=None if sighting.round_trip_s is None else duration(sighting.round_trip_s),
        monitor_id=sighting.monitor_id,
    )
