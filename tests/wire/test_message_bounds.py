"""Bounds hold for every message type, and for whatever its rules leave out."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest

from tests.support.timing.cpu_budget import cpu_budget
from vimesh.domain.errors import BadInput
from vimesh.v1 import conductor_service_pb2, vim_service_pb2, workflow_service_pb2
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim
from vimesh.wire.message_bounds import MAX_PATH_LENGTH, MAX_PATHS, MAX_UNSTATED_ITEMS, Bounds
from vimesh.wire.value_count import has_more_values

BOUNDS = Bounds()
GREATEST_S = 315_576_000_000


def broken(message: Message) -> list[str]:
    """Return the fields that are named."""
    try:
        BOUNDS.check(message)
    except BadInput as error:
        return [violation.field for violation in error.violations]
    return []


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [
        (10**15, 0),
        (-(10**15), 0),
        (GREATEST_S + 1, 0),
        (2**63 - 1, 2**31 - 1),
        (-(2**63), -(2**31)),
        (1, -1),
        (-1, 1),
        (0, 10**9),
        (0, -(10**9)),
    ],
)
def test_what_is_no_duration_is_found_wherever_it_is(seconds: int, nanos: int) -> None:
    bad = Duration(seconds=seconds, nanos=nanos)
    policy = ProbePolicy(timeout=bad, interval=Duration(seconds=10))

    assert broken(conductor_service_pb2.UpdateVimRequest(age=bad, round_trip=bad)) == ["round_trip", "age"]
    assert broken(workflow_service_pb2.ClaimWorkflowTasksRequest(lease=bad)) == ["lease"]
    assert broken(workflow_service_pb2.FinishWorkflowTaskRequest(retry_after=bad)) == ["retry_after"]
    for request in (vim_service_pb2.RegisterVimRequest, vim_service_pb2.ModifyVimRequest):
        assert broken(request(vim=Vim(probe_policy=policy))) == ["vim.probe_policy.timeout"]
        assert broken(request(vim=Vim(round_trip=bad))) == ["vim.round_trip"]


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(GREATEST_S, 0), (-GREATEST_S, 0), (0, -999_999_999), (1, 999_999_999), (-1, -999_999_999)]
)
def test_every_duration_of_protobuf_is_one(seconds: int, nanos: int) -> None:
    assert broken(conductor_service_pb2.UpdateVimRequest(age=Duration(seconds=seconds, nanos=nanos))) == []


@pytest.mark.parametrize(
    ("seconds", "nanos", "good"),
    [
        (253_402_300_799, 999_999_999, True),
        (253_402_300_800, 0, False),
        (-62_135_596_800, 0, True),
        (-62_135_596_801, 0, False),
        (0, -1, False),
        (0, 10**9, False),
    ],
)
def test_a_timestamp_is_one_that_a_calendar_has(seconds: int, nanos: int, good: bool) -> None:
    time = Timestamp(seconds=seconds, nanos=nanos)
    vim = Vim(create_time=time, monitor=Monitor(contact_time=time))

    found = broken(vim_service_pb2.RegisterVimRequest(vim=vim))

    assert found == ([] if good else ["vim.monitor.contact_time", "vim.create_time"])


def test_a_mask_has_some_paths_of_some_length() -> None:
    for paths, good in (
        (["extra"] * MAX_PATHS, True),
        (["extra"] * (MAX_PATHS + 1), False),
        (["x" * MAX_PATH_LENGTH], True),
        (["x" * (MAX_PATH_LENGTH + 1)], False),
    ):
        request = vim_service_pb2.ModifyVimRequest(update_mask=FieldMask(paths=paths))
        assert broken(request) == ([] if good else ["update_mask"])


def test_a_batch_has_no_more_entries_than_its_rule_allows() -> None:
    reports = [conductor_service_pb2.UpdateVimRequest()] * 1001
    assert broken(conductor_service_pb2.UpdateVimsRequest(reports=reports)) == ["reports"]
    assert broken(conductor_service_pb2.UpdateVimsRequest(reports=reports[1:])) == []
    requests = [vim_service_pb2.RegisterVimRequest()] * 501
    assert broken(vim_service_pb2.RegisterVimsRequest(requests=requests)) == ["requests"]
    assert broken(vim_service_pb2.RegisterVimsRequest(requests=requests[1:])) == []


def test_a_list_without_a_rule_has_a_bound_as_well() -> None:
    violation = BadRequest.FieldViolation()
    assert broken(BadRequest(field_violations=[violation] * MAX_UNSTATED_ITEMS)) == []
    assert broken(BadRequest(field_violations=[violation] * (MAX_UNSTATED_ITEMS + 1))) == ["field_violations"]


def test_an_entry_that_is_judged_alone_is_not_judged_with_its_batch() -> None:
    bad = vim_service_pb2.RegisterVimRequest(vim=Vim(probe_policy=ProbePolicy(timeout=Duration(seconds=10**15))))
    assert broken(bad)
    assert broken(vim_service_pb2.RegisterVimsRequest(requests=[bad])) == []


def nested(kind: str, count: int) -> Struct:
    """Return a free-form field that holds so many values, each in another one or in a list."""
    made = Struct()
    inner: object = None
    for _ in range(count - 1 if kind == "deep" else 0):
        inner = [inner]
    made.update({"a": inner if kind == "deep" else [{"b": None}] * ((count - 1) // 2)})  # type: ignore[dict-item]  # JSON
    return made


def test_a_free_form_field_holds_some_values_those_inside_others_counted() -> None:
    for kind, most in (("deep", 90), ("wide", 2047)):
        assert not has_more_values(nested(kind, most), most)
        assert has_more_values(nested(kind, most), most - 1)
    for count, fields in ((2047, []), (2049, ["vim.extra"])):
        for request in (vim_service_pb2.RegisterVimRequest, vim_service_pb2.ModifyVimRequest):
            assert broken(request(vim=Vim(extra=nested("wide", count)))) == fields


def test_values_are_counted_no_further_than_the_bound() -> None:
    endless = Struct()
    endless.get_or_create_list("a").extend([None] * 1_000_000)

    for attempt in cpu_budget(0.1):  # to look at all of them takes 0.3 s
        with attempt:
            assert has_more_values(endless, 1000)
