"""Durations on the wire: protobuf's message and seconds."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration


def seconds(message: Duration) -> float:
    return message.seconds + message.nanos / 1e9


def duration(value_s: float) -> Duration:
    """Return the message, to the microsecond."""
    message = Duration()
    message.FromMicroseconds(round(value_s * 1_000_000))
    return message
