"""Converts between protobuf's Duration and seconds, and between its Timestamp and datetimes."""

from __future__ import annotations

import datetime as dt

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def seconds(message: Duration) -> float:
    return message.seconds + message.nanos / 1e9


def duration(value_s: float) -> Duration:
    """Return the message, rounded to the microsecond."""
    message = Duration()
    set_duration(message, value_s)
    return message


def set_duration(message: Duration, value_s: float) -> None:
    """Write a duration of 0 s or more into an existing message."""
    message.seconds, micros = divmod(round(value_s * 1_000_000), 1_000_000)
    message.nanos = micros * 1000


def timestamp(time: dt.datetime) -> Timestamp:
    # This takes a fifth of the time of FromDatetime, and a VIM has five timestamps.
    since = time - _EPOCH
    return Timestamp(seconds=since.days * 86400 + since.seconds, nanos=since.microseconds * 1000)


def moment_of(message: Timestamp) -> dt.datetime:
    return _EPOCH + dt.timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
