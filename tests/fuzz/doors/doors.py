"""Lists the doors by name."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Final

from tests.fuzz.doors import json_requests, rest_requests
from tests.fuzz.doors.amqp_door import amqp_door
from tests.fuzz.doors.door import Door
from tests.fuzz.doors.honest import Honest
from tests.fuzz.doors.http2_door import Http2Door
from tests.fuzz.doors.http_door import Good, HttpDoor
from tests.fuzz.doors.rpc_door import rpc_door
from tests.fuzz.doors.site import Site

AMQP: Final = "amqp"
"""The door that needs a broker and a bridge."""


@contextmanager
def _http_door(site: Site, good: Good) -> Generator[Door]:
    with closing(Honest(site.front)) as honest:
        yield HttpDoor(site.front, good, honest)


@contextmanager
def _http2_door(site: Site) -> Generator[Door]:
    with closing(Honest(site.front)) as honest:
        yield Http2Door(site.front, site.conductor, honest)


DOORS: Final[dict[str, Callable[[Site], AbstractContextManager[Door]]]] = {
    "rpc": rpc_door,
    "json": lambda site: _http_door(site, json_requests.GOOD),
    "rest": lambda site: _http_door(site, rest_requests.GOOD),
    AMQP: lambda site: amqp_door(site.broker_url),
    "http2": _http2_door,
}
