"""Times that people plan with, and what a watch keeps of maintenance."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.maintenance.time_flags import duration_of, moment_of
from vimesh.cli.output.event_lines import event_line, vim_line
from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.client.watches.watched_vims import WatchedVims
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import Maintenance, Vim, VimEvent
from vimesh.v1.vim_service_pb2 import WatchVimsResponse

STATE = Maintenance(window_id="w", reason="new disks", end_time=Timestamp(seconds=3600))


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-12-01T22:00", "UTC", "2026-12-01T22:00:00Z"),
        ("2026-12-01T22:00", "Europe/Berlin", "2026-12-01T21:00:00Z"),
        ("2026-07-01 22:00:30", "Europe/Berlin", "2026-07-01T20:00:30Z"),
        ("2026-12-01T22:00:00Z", "Europe/Berlin", "2026-12-01T22:00:00Z"),
        ("2026-12-01T22:00+05:30", "UTC", "2026-12-01T16:30:00Z"),
    ],
)
def test_a_time_is_that_of_the_zone_unless_it_has_an_offset(text: str, zone: str, shown: str) -> None:
    assert moment_of("--at", text, zone).ToJsonString() == shown


@pytest.mark.parametrize(
    ("text", "zone", "flag"),
    [
        ("tomorrow", "UTC", "--at"),
        ("", "UTC", "--at"),
        ("0001-01-01T00:00+23:00", "UTC", "--at"),
        ("2026-12-01T22:00", "Mars", "--time-zone"),
    ],
)
def test_a_bad_time_names_its_flag(text: str, zone: str, flag: str) -> None:
    with pytest.raises(BadFlag) as refused:
        moment_of("--at", text, zone)

    assert refused.value.flag == flag


def test_a_bad_duration_names_its_flag() -> None:
    assert duration_of("--for", "90m").seconds == 5400
    with pytest.raises(BadFlag, match="--for"):
        duration_of("--for", "2 fortnights")


def test_a_watch_keeps_the_maintenance_through_other_changes() -> None:
    board = WatchedVims()
    vim = Vim(id="a", name="lab", status=Vim.REACHABLE, revision=1)
    vim.round_trip.nanos = 1000
    board.take(WatchUpdate(WatchVimsResponse(vims=[vim], revision=1), afresh=True))

    def apply(**fields: object) -> Vim:
        event = VimEvent(vim_id="a", status=Vim.REACHABLE, **fields)  # type: ignore[arg-type]  # fields by name
        board.take(WatchUpdate(WatchVimsResponse(events=[event], revision=event.revision), afresh=False))
        return board.vims["a"]

    started = apply(kind=VimEvent.MAINTENANCE_STARTED, maintenance=STATE, revision=2)
    assert (started.maintenance, started.revision, started.round_trip.nanos) == (STATE, 2, 1000)
    modified = apply(kind=VimEvent.MODIFIED, vim=Vim(id="a", name="renamed"), revision=3)
    assert (modified.maintenance, modified.name) == (STATE, "renamed")
    assert not apply(kind=VimEvent.MAINTENANCE_ENDED, revision=4).HasField("maintenance")


def test_lines_say_until_when_a_vim_is_in_maintenance() -> None:
    event = VimEvent(vim_id="a", kind=VimEvent.MAINTENANCE_STARTED, maintenance=STATE)

    assert event_line(event, "lab").endswith("lab  MAINTENANCE_STARTED  until 1970-01-01T01:00:00Z  new disks")
    over = VimEvent(vim_id="a", kind=VimEvent.MAINTENANCE_ENDED)
    assert event_line(over, "lab").endswith("lab  MAINTENANCE_ENDED")
    vim = Vim(name="lab", status=Vim.REACHABLE, maintenance=STATE)
    assert vim_line(vim).endswith("lab  is REACHABLE  in maintenance until 1970-01-01T01:00:00Z")
