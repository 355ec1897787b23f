"""The doors by their names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from tests.fuzz.doors import json_requests, rest_requests
from tests.fuzz.doors.door import Door
from tests.fuzz.doors.http_door import HttpDoor
from tests.fuzz.doors.rpc_door import rpc_door
from tests.fuzz.doors.site import Site

DOORS: Final[dict[str, Callable[[Site], AbstractContextManager[Door]]]] = {
    "rpc": rpc_door,
    "json": lambda site: nullcontext(HttpDoor(site.front, json_requests.GOOD)),
    "rest": lambda site: nullcontext(HttpDoor(site.front, rest_requests.GOOD)),
}
