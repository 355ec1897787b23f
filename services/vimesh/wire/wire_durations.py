"""Converts between protobuf's Duration and seconds."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration


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
