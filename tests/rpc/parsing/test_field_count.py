"""Fields are counted on bytes as the parser would find them, and never further than the bound."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.timing.cpu_budget import cpu_budget
from vimesh.rpc.parsing.field_count import has_more_fields
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest, UpdateVimsRequest

ENTRY = b"\x0a\x00"
pieces = st.sampled_from(
    (
        ENTRY,
        b"\x0a\x02\x18\x00",
        b"\x8a\x00\x00",  # a tag of two bytes, as nobody writes it
        b"\x8a\x80\x80\x80\x00\x00",
        b"\x0a\x80\x00",  # a length of two bytes
        b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
        b"\x0a\x82\x80\x80\x80\x80\x80\x80\x80\x80\x7e" + ENTRY,  # with bits above 64
        b"\x0a\x83\x80\x80\x80\x10\x18\x00" + ENTRY,
        b"\x10\x01",
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x11" + ENTRY * 4,
        b"\x15" + ENTRY * 2,
        b"\x13" + ENTRY * 5 + b"\x14",
        b"\x1f",
        b"\x00",
    )
)


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces | st.binary(max_size=12), max_size=12).map(b"".join), st.integers(0, 12))
def test_no_message_has_more_entries_than_were_counted(data: bytes, most: int) -> None:
    try:
        entries = len(UpdateVimsRequest.FromString(data).reports)
    except DecodeError:
        return

    assert entries <= most or has_more_fields(data, most)


def test_a_batch_is_counted_exactly() -> None:
    batch = UpdateVimsRequest(reports=[UpdateVimRequest(detail="x" * n) for n in range(300)]).SerializeToString()

    assert has_more_fields(batch, 299)
    assert not has_more_fields(batch, 300)


def test_counting_ends_at_the_bound() -> None:
    endless = ENTRY * 2_000_000

    for attempt in cpu_budget(0.05):  # to count all of them takes 0.5 s
        with attempt:
            assert has_more_fields(endless, 1000)
