"""What a watch says and shows while it hears nothing of its fleet, and when it does again."""

from __future__ import annotations

import datetime as dt
import io

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from vimesh.cli.watches.contact import Contact
from vimesh.cli.watches.live_table import LiveTable
from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import WatchVimsResponse

NOON = dt.datetime(2026, 10, 31, 12, tzinfo=dt.UTC)
GREEN, DIM = "\x1b[32mREACHABLE", "\x1b[2mREACHABLE"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_s(self, duration_s: float) -> None:
        self.now += dt.timedelta(seconds=duration_s)


def refused(details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


def test_a_loss_is_told_with_its_newest_reason_and_since_when_it_lasts() -> None:
    clock = Clock()
    contact = Contact(clock)
    contact.hear()
    assert not contact.is_lost

    contact.lose("no conductor answers")
    clock.pass_s(150)
    contact.lose("nothing listens")

    assert contact.is_lost
    assert contact.loss() == "no contact with the fleet since 2026-10-31T12:00:00Z, 2m ago: nothing listens"
    assert contact.recovery() == "contact with the fleet again, after 2m without"
    contact.hear()
    assert not contact.is_lost


def test_silence_alone_is_a_loss_after_more_than_two_messages_that_did_not_come() -> None:
    clock = Clock()
    contact = Contact(clock)
    contact.hear()
    clock.pass_s(11)
    assert not contact.is_lost

    clock.pass_s(2)

    assert contact.is_lost
    assert contact.loss().endswith(", 13s ago: it sends nothing")


def test_a_fleet_that_was_never_heard_has_no_time_since_which_it_is_silent() -> None:
    contact = Contact(Clock())
    assert not contact.is_lost

    contact.lose("nothing listens")

    assert contact.loss() == "no contact with the fleet yet: nothing listens"


def screen(table: LiveTable) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=120, height=20)
    with console.capture() as shown:
        console.print(table)
    return shown.get()


def test_rows_are_dimmed_and_do_not_grow_older_until_there_is_contact_again() -> None:
    clock = Clock()
    table = LiveTable(Console(height=20, width=120), "127.0.0.1:7600", frozenset(), Contact(clock))
    link = table.link()
    begun = Timestamp(seconds=int(NOON.timestamp()) - 300)
    vim = Vim(id="a", name="lisbon", type="openstack", status=Vim.REACHABLE, status_time=begun)
    link.heard()
    table.take(WatchUpdate(WatchVimsResponse(vims=[vim]), afresh=True))
    table.take(WatchUpdate(WatchVimsResponse(revision=7)))
    assert GREEN in screen(table)

    link.lost(refused("no conductor behind it answers"))
    clock.pass_s(3600)
    link.still_lost(refused("failed to connect to all addresses"))
    stale = screen(table)

    assert "no gRPC server answers at 127.0.0.1:7600" in stale
    assert "no contact with the fleet since 2026-10-31T12:00:00Z, 1h ago" in stale
    assert "1 VIMs, when last heard of:" in stale
    assert GREEN not in stale
    assert DIM in stale
    assert "2m5m " in stale
    link.back()
    link.heard()
    again = screen(table)
    assert "no contact" not in again
    assert GREEN in again
