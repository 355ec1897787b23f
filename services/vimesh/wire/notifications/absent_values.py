"""Converts values that may be absent between the domain and messages."""

from __future__ import annotations

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.domain.vims import Status
from vimesh.v1 import vim_pb2
from vimesh.wire.vim_messages import STATUS_VALUES
from vimesh.wire.wire_durations import timestamp


def moment_of(time: Timestamp) -> dt.datetime:
    return time.ToDatetime(dt.UTC)


def set_time(message: Timestamp, time: dt.datetime | None) -> None:
    """Write a time into a field of a message; None leaves it absent."""
    if time is not None:
        message.CopyFrom(timestamp(time))


def status_value(status: Status | None) -> vim_pb2.Vim.Status.ValueType:
    return vim_pb2.Vim.STATUS_UNSPECIFIED if status is None else STATUS_VALUES[status]
