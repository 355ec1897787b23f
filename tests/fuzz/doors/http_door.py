"""Sends HTTP with JSON through Envoy: to the JSON door of the conductors, and to Tacker's REST of the api process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from random import Random
from typing import Any, Final

from tests.fuzz.doors.door import Door
from tests.fuzz.doors.honest import Honest
from tests.fuzz.doors.http_exchange import HttpAnswer, exchange
from tests.fuzz.doors.http_requests import HttpRequest, answer_is_due, odd_request
from tests.fuzz.doors.known_vims import with_names
from tests.fuzz.doors.verdicts import Reply, of_words

_JSON: Final = "application/json"
_FAULTS: Final = 500
_LONG_BYTES: Final = 200_000
"""A list may take more CPU than other answers: once more for each this many bytes."""
_NOT_SERVED: Final = 501
"""Returned by Envoy for features of HTTP that are not needed."""

Good = Mapping[str, tuple[HttpRequest, Any]]
"""A request for each kind, and the content of its body; None if it has none."""


class HttpDoor(Door):
    def __init__(self, address: str, good: Good, honest: Honest) -> None:
        self._address = address
        self._honest = honest
        self._good = good
        self._random = Random(0)

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(self._good)

    def good(self, kind: str) -> Sequence[bytes]:
        return [self._good[kind][0].encoded()]

    def make(self, random: Random, kind: str) -> bytes:
        return odd_request(random, *self._good[kind])

    def allowed_cpu_s(self, data: bytes) -> float:  # noqa: ARG002 - the same for all
        return 0.2

    def send(self, kind: str, data: bytes) -> Reply:  # noqa: ARG002 - the input says where it goes
        try:
            answer = exchange(self._address, with_names(data), self._random)
        except TimeoutError:
            return Reply("silent", "no answer came")
        except (OSError, HTTPException) as error:
            return Reply("broken", f"no answer: {error!r}")
        code = str(answer.status)
        said = _complaint(answer) if answer_is_due(data) or answer.status >= _FAULTS else ""
        return Reply(code, said or self._honest.complaint(), answers=1 + len(answer.body) // _LONG_BYTES)


def _complaint(answer: HttpAnswer) -> str:
    if answer.status >= _FAULTS and answer.status != _NOT_SERVED:
        return f"{answer.status}: {answer.body[:300]!r}"
    if not answer.body:
        return ""
    if not answer.content_type.startswith(_JSON):
        return f"{answer.content_type or 'no type'}: {answer.status} {answer.body[:200]!r}"
    try:
        json.loads(answer.body)
    except ValueError as error:
        return f"no JSON: {error} in {answer.body[:200]!r}"
    return of_words(answer.body.decode()) if answer.status >= 400 else ""
