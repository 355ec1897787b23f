"""Reads time zones of the tz database."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_NAME: Final = "UTC"
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")


class TimeZoneUnknown(ValueError):
    """The message says what the name must be."""


def read_zone(name: str) -> ZoneInfo:
    """Return a time zone of the tz database. Raises TimeZoneUnknown."""
    if not _ZONE_NAME.fullmatch(name):
        raise TimeZoneUnknown("must be the name of a time zone, such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    # OSError: the name of a folder, such as `Europe`.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneUnknown(f"{name!r} is no time zone; use a name such as Europe/Berlin") from error
