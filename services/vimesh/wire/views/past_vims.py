"""Converts VIMs as they were at a time to what a caller is shown of them."""

from __future__ import annotations

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.vims import Vim
from vimesh.v1 import vim_pb2
from vimesh.wire.views.read_masks import ReadMask
from vimesh.wire.views.vim_view import shown_vim


def as_of_time(message: Timestamp) -> dt.datetime:
    """Raise BadInput if it is no time from 1970 to 9999."""
    try:
        time = message.ToDatetime(dt.UTC)
    except (ValueError, OverflowError):
        time = None
    if time is None or message.seconds < 0:
        raise BadInput(Violation("as_of", "must be a time from 1970 to 9999"))
    return time


def shown_past_vim(vim: Vim, caller: Caller, read_mask: ReadMask) -> vim_pb2.Vim:
    """Return what `shown_vim` does, without the state of the monitor, which no change records."""
    message = shown_vim(vim, caller, read_mask)
    if message.HasField("monitor"):
        message.monitor.ClearField("state")
    return message
