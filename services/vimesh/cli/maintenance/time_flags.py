"""Reads the times that people plan with."""

from __future__ import annotations

import datetime as dt

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.base import durations
from vimesh.domain.maintenance.time_zones import TimeZoneUnknown, read_zone
from vimesh.domain.settings import BadFlag
from vimesh.wire.wire_durations import duration

TIME_ZONE_FLAG = "--time-zone"


def moment_of(flag: str, text: str, zone_name: str) -> Timestamp:
    """Read a time with an offset, or one that the clocks of a zone show: `2026-12-01T22:00`. Raises BadFlag."""
    try:
        zone = read_zone(zone_name)
    except TimeZoneUnknown as error:
        raise BadFlag(TIME_ZONE_FLAG, str(error)) from error
    moment = Timestamp()
    try:
        time = dt.datetime.fromisoformat(text)
        moment.FromDatetime((time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(dt.UTC))
    except (ValueError, OverflowError) as error:
        raise BadFlag(
            flag, f"must be a time such as 2026-12-01T22:00 or 2026-12-01T21:00:00Z, not {text[:50]!r}"
        ) from error
    return moment


def duration_of(flag: str, text: str) -> Duration:
    """Read a duration such as `2h`. Raises BadFlag."""
    try:
        return duration(durations.seconds(text))
    except ValueError as error:
        raise BadFlag(flag, str(error)) from error
