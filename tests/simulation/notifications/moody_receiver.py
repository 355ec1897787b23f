"""A receiver over HTTP with moods: it takes notifications, refuses them for now, hangs, or closes half-way."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.support.notifier.scripted_http import Answer, ScriptedHttp, scripted_http

MOODS: Final[tuple[tuple[Answer, int], ...]] = (
    (Answer(204), 60),
    (Answer(500), 12),
    (Answer(429, {"Retry-After": "1"}), 8),
    (Answer(204, is_cut=True), 18),
    (Answer(hangs=True), 2),
)
"""Answers, and how often each is given, once each but the last was given."""


@dataclass(frozen=True, slots=True)
class TakenChange:
    vim_id: str
    revision: int
    kind: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A notification that the receiver has, whether the notifier knows that or not."""

    notification_id: str
    group: str
    changes: tuple[TakenChange, ...]
    is_confirmed: bool = True
    """Whether its answer was whole."""


class _Answers(deque[Answer]):
    """Chooses an answer for each request, and keeps what it chose."""

    def __init__(self, random: Random | None, ends_after: int | None) -> None:
        super().__init__()
        self.random = random
        """None: everything is taken."""
        self._ends_after = ends_after
        self.given: list[Answer] = []

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> Answer:
        self.given.append(self._choose())
        return self.given[-1]

    def _choose(self) -> Answer:
        if self._ends_after is not None and len(self.given) >= self._ends_after:
            return Answer(410)
        answers, weights = [answer for answer, _ in MOODS], [weight for _, weight in MOODS]
        if self.random is None:
            return answers[0]
        # However short the run, it has seen these.
        if len(self.given) < len(answers) - 1:
            return answers[len(self.given)]
        return self.random.choices(answers, weights)[0]


class MoodyReceiver:
    def __init__(self, http: ScriptedHttp, random: Random | None, ends_after: int | None) -> None:
        self._http = http
        self._answers = _Answers(random, ends_after)
        http.answers = self._answers

    @property
    def url(self) -> str:
        return self._http.url

    @property
    def attempts(self) -> int:
        return len(self._http.requests)

    @property
    def arrivals(self) -> list[Arrival]:
        """What it was sent and did not refuse, in order."""
        # The answer is chosen as soon as a request is read.
        pairs = zip(self._http.requests, self._answers.given, strict=False)
        return [
            _arrival(request.document, is_confirmed=not answer.is_cut)
            for request, answer in pairs
            if answer.status < 400 and not answer.hangs
        ]

    def calm_down(self) -> None:
        """Take everything from now on."""
        self._answers.random = None


@asynccontextmanager
async def moody_receiver(
    random: Random | None = None, *, ends_after: int | None = None
) -> AsyncGenerator[MoodyReceiver]:
    """Run a receiver. `random`: chooses its moods; None: it has none. `ends_after`: requests before it answers 410."""
    async with scripted_http() as http:
        yield MoodyReceiver(http, random, ends_after)


def _arrival(document: Mapping[str, Any], *, is_confirmed: bool) -> Arrival:
    """Read a notification: a CloudEvent of either mode, or what a template makes of it."""
    data = document.get("data", document)
    changes = tuple(TakenChange(each["vim_id"], each["revision"], each["kind"]) for each in data["changes"])
    return Arrival(document["id"], json.dumps(data["group"]), changes, is_confirmed)
