"""Reads VIMs by Tacker's REST, again and again, at whichever front takes connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http.client import HTTPConnection

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import CALL_S, OK
from vimesh.envoy.fleet.front_fleet import ListenAddress

_PAUSE_S = 0.05
_PATH = "/v1.0/vims"


class RestReader:
    def __init__(self, fronts: Sequence[ListenAddress], history: History) -> None:
        self._fronts = fronts
        self._history = history

    async def run(self, ending: asyncio.Event) -> None:
        """Read until it is time to end."""
        while not ending.is_set():
            began = now()
            code = await asyncio.to_thread(self._read)
            self._history.note("call", who="rest", call=f"GET {_PATH}", began=round(began, 4), code=code)
            await asyncio.sleep(_PAUSE_S)

    def _read(self) -> str:
        for front in self._fronts:
            try:
                return _read_at(front)
            except ConnectionRefusedError:
                # It has closed its listener, or is not back so far.
                continue
            except OSError as error:
                return type(error).__name__
        return "REFUSED"


def _read_at(front: ListenAddress) -> str:
    connection = HTTPConnection(front.host, front.port, timeout=CALL_S)
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    return OK if answer.status == 200 else f"HTTP {answer.status}"
