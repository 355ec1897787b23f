"""The short way for reports reads what the long way reads, and accepts nothing that the rules refuse."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vimesh.conductor.reports.plain_reports import plain_report
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire import request_messages
from vimesh.wire.message_rules import Rules

RULES = Rules()
ID = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"

ids = st.sampled_from((ID, ID.upper(), ID[:-1], ID + "0", ID.replace("-", ""), "", "\n" + ID, ID + "\n", "é" * 36))
durations = st.none() | st.builds(
    Duration,
    seconds=st.sampled_from((-1, 0, 1, 3599, 3600, 3601, 315_359_999, 315_360_000, 315_360_001, 10**15, -(2**63))),
    nanos=st.sampled_from((-1, 0, 1, 999_999_999, 10**9)),
)
reports = st.builds(
    UpdateVimRequest,
    vim_id=ids | st.uuids().map(str),
    status=st.integers(0, 5),
    action_id=st.sampled_from(("", "a", ID, "a" * 255, "a" * 256, "é" * 255, "\0")) | st.text(max_size=300),
    observation=st.integers(0, 2**64 - 1) | st.sampled_from((2**63 - 2**22, 2**63 - 2**22 + 1)),
    reason=st.sampled_from(("", "TIMEOUT", "timeout", "A" * 64, "A" * 65, "A\n", "HTTP_500")) | st.text(max_size=70),
    detail=st.sampled_from(("", "x" * 512, "x" * 513, "é" * 512, "a\0b")) | st.text(max_size=600),
    round_trip=durations,
    age=durations,
)


@settings(max_examples=2000, deadline=None)
@given(reports)
@example(UpdateVimRequest(vim_id=ID, status=Vim.REACHABLE, action_id=ID))
def test_what_is_plain_keeps_the_rules_and_reads_the_same(message: UpdateVimRequest) -> None:
    plain = plain_report(message)
    if plain is None:
        return
    RULES.check(message)
    assert plain == request_messages.report(message)


def test_what_actions_send_is_plain() -> None:
    """Else nothing is won: the rules take longer than all the rest."""
    sent = UpdateVimRequest(
        vim_id=ID, status=Vim.UNREACHABLE, action_id=ID, observation=7, reason="HTTP_500", detail="x"
    )
    sent.round_trip.FromMilliseconds(3)
    sent.age.FromMilliseconds(70_000)
    assert plain_report(sent) == request_messages.report(sent)
