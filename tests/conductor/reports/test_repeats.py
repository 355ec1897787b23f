"""A report is recognized only if it says what was said before, and keeps the rules."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conductor.reports.test_plain_reports import reports
from tests.support.deployments.conductors import Client, conductor_over, report_on
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.reports.recognize_repeats import read_repeats, store_serialized_reports
from vimesh.domain.vims import Report, Standing, Status
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest, UpdateVimsRequest
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire import request_messages
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.message_rules import Rules

RULES = Rules()
ID, ANOTHER = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3", "0e2a91d5-3c1f-44e0-8f0c-3f2f3f1c7c55"
LONG = UpdateVimRequest(
    vim_id=ID, status=Vim.UNREACHABLE, action_id="a" * 255, observation=2**63 - 2**22, reason="TLS", detail="é" * 512
)
SHORT = UpdateVimRequest(vim_id=ANOTHER, status=Vim.REACHABLE, action_id="b", round_trip=Duration(nanos=1))
plain_ages = st.builds(Duration, seconds=st.integers(0, 315_359_999), nanos=st.integers(0, 999_999_999))


def on_record(*messages: UpdateVimRequest) -> dict[str, Standing]:
    """Return what is believed when these reports are on record, kept as they were said."""
    said = [request_messages.report(message) for message in messages]
    cached_standings = {one.vim_id: Standing(one.action_id, one.status, one.reason, one.observation) for one in said}
    copies = [UpdateVimRequest.FromString(message.SerializeToString()) for message in messages]
    store_serialized_reports(copies, said, cached_standings)
    return cached_standings


def request(*messages: UpdateVimRequest) -> bytes:
    return UpdateVimsRequest(reports=messages).SerializeToString()


def aged(message: UpdateVimRequest, age: Duration) -> UpdateVimRequest:
    again = UpdateVimRequest.FromString(message.SerializeToString())
    again.age.CopyFrom(age)
    return again


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from((LONG, SHORT)), st.none() | plain_ages), min_size=1, max_size=5))
def test_what_is_said_again_is_recognized_whatever_its_age(
    said: list[tuple[UpdateVimRequest, Duration | None]],
) -> None:
    cached_standings = on_record(aged(LONG, Duration(seconds=1)), SHORT)
    messages = [message if age is None else aged(message, age) for message, age in said]

    found = read_repeats(request(*messages), cached_standings, 20.0)

    assert found == [(message.vim_id, cached_standings[message.vim_id], 20.0) for message, _ in said]


@settings(max_examples=1000, deadline=None)
@given(st.none() | plain_ages, reports, st.data())
def test_nothing_else_is_recognized(age: Duration | None, other: UpdateVimRequest, data: st.DataObject) -> None:
    """Other reports, and the same with some bytes changed, left out or put in between."""
    cached_standings = on_record(LONG, SHORT)
    kept = LONG if age is None else aged(LONG, age)
    whole = request(*data.draw(st.permutations([kept, SHORT, *data.draw(st.sampled_from(([], [other])))])))
    at = data.draw(st.integers(0, len(whole)))
    more = data.draw(
        st.sampled_from((b"", SHORT.SerializeToString(), other.SerializeToString())) | st.binary(max_size=4)
    )
    sent = whole[:at] + more + whole[at + data.draw(st.integers(0, 3)) :]

    found = read_repeats(sent, cached_standings, 20.0)

    if found:
        message = UpdateVimsRequest.FromString(sent)
        RULES.check(message)
        assert [one.vim_id for one in message.reports] == [vim_id for vim_id, *_ in found]
        for one in message.reports:
            one.ClearField("age")
            assert one.SerializeToString()[38:] == cached_standings[one.vim_id].serialized_report


@pytest.mark.parametrize(
    "age",
    [Duration(seconds=-1), Duration(seconds=315_360_001), Duration(nanos=-1), Duration(seconds=2**60)],
    ids=["negative", "too old", "negative nanoseconds", "beyond all time"],
)
def test_an_age_that_breaks_the_rules_is_not_accepted(age: Duration) -> None:
    assert read_repeats(request(aged(SHORT, age)), on_record(SHORT), 20.0) == []


@pytest.mark.parametrize(
    "more",
    [
        b"B\x01\xff",
        b"B",
        b"B\x02\x08",
        b"\x10\x03",
        b"B\x00B\x00",
        b"B\x80\x01" + bytes(128),
        b":\x00",
        b"2\x02\x08\x01",
    ],
)
def test_what_follows_must_be_an_age_and_nothing_else(more: bytes) -> None:
    said = SHORT.SerializeToString() + more
    length = bytes([len(said)]) if len(said) < 128 else bytes([len(said) & 127 | 128, len(said) >> 7])

    assert read_repeats(b"\n" + length + said, on_record(SHORT), 20.0) == []


def test_what_is_cut_off_is_not_recognized() -> None:
    one = request(aged(SHORT, Duration(seconds=1, nanos=1)))

    recognized = [
        length for length in range(2 * len(one) + 1) if read_repeats((one + one)[:length], on_record(SHORT), 20.0)
    ]

    assert recognized == [len(one), 2 * len(one)]


def test_another_field_of_the_request_is_no_report() -> None:
    sent = request(SHORT)

    assert read_repeats(sent, on_record(SHORT), 20.0)
    assert read_repeats(b"\x12" + sent[1:], on_record(SHORT), 20.0) == []


def test_a_length_of_three_bytes_is_left_to_protobuf() -> None:
    cached_standings = on_record(SHORT)
    cached_standings[ANOTHER].serialized_report += bytes(20_000)  # longer than anything that is kept

    assert read_repeats(b"\n\x80\x80" + SHORT.SerializeToString() + bytes(20_000), cached_standings, 20.0) == []


def test_fields_of_a_later_version_are_not_kept() -> None:
    """Nobody bounds their length."""
    longer = UpdateVimRequest.FromString(SHORT.SerializeToString() + b"\xca\x3e\x80\x80\x40" + bytes(2**20))

    assert on_record(longer)[ANOTHER].serialized_report == on_record(SHORT)[ANOTHER].serialized_report


def test_what_is_not_on_record_is_not_kept() -> None:
    cached_standings = {ANOTHER: Standing("b", Status.REACHABLE, "", 0, holds=False)}
    store_serialized_reports([SHORT], [Report(ANOTHER, "b", Status.REACHABLE)], cached_standings)
    assert cached_standings[ANOTHER].serialized_report == b""

    cached_standings = {ANOTHER: Standing("another", Status.REACHABLE, "", 0)}
    store_serialized_reports([SHORT], [Report(ANOTHER, "b", Status.REACHABLE)], cached_standings)
    assert cached_standings[ANOTHER].serialized_report == b""


@pytest.mark.parametrize("sent", [b"\xff", b"\n\x05ab", b"\n\x02\x0a\xff"])
async def test_what_is_no_request_is_refused(client: Client, sent: bytes) -> None:
    with pytest.raises(DecodeError):
        UpdateVimsRequest.FromString(sent)
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(
        "/vimesh.v1.ConductorService/UpdateVims"
    )

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(sent, timeout=30)

    assert failure_of(failed.value).reason == "BAD_INPUT"


async def test_what_is_recognized_still_keeps_the_rules_of_the_request(client: Client) -> None:
    again = report_on(await client.register(), Vim.REACHABLE, 1)
    for _ in range(2):
        await client.conductor.UpdateVims(UpdateVimsRequest(reports=[again]), timeout=30)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await client.conductor.UpdateVims(UpdateVimsRequest(reports=[again] * 1001), timeout=30)

    assert [violation.field for violation in failure_of(failed.value).violations] == ["reports"]


async def test_contacts_are_answered_as_reports_are_until_something_changes(tmp_path: Path) -> None:
    """From the second one on they are recognized, which nobody can tell from the answers."""
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vims = [await client.register() for _ in range(3)]
        contacts = UpdateVimsRequest(reports=[report_on(vim, Vim.REACHABLE, 7) for vim in vims])
        first = await client.conductor.UpdateVims(contacts, timeout=30)
        kept = [store.cached_standings[vim.id].serialized_report for vim in vims]
        assert all(kept)
        for _ in range(2):
            assert await client.conductor.UpdateVims(contacts, timeout=30) == first
        # What is read is kept anew, in other bytes objects.
        assert [
            store.cached_standings[vim.id].serialized_report is said for vim, said in zip(vims, kept, strict=True)
        ] == [True] * 3

        await client.deregister(vims[1].id)
        await client.report(vims[2], Vim.UNREACHABLE, 8)
        answer = await client.conductor.UpdateVims(contacts, timeout=30)

    assert answer.outcomes[0] == first.outcomes[0]
    assert [one.WhichOneof("outcome") for one in answer.outcomes] == ["status", "bad_action", "status"]
    assert (answer.outcomes[2].status, answer.outcomes[2].newest_observation) == (Vim.UNREACHABLE, 8)
