"""Defines the requests to a conductor in a run, and their right answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from google.protobuf.duration_pb2 import Duration

from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2

CONTACT_WITHIN_S = 60
"""The contact time of the measured conductors: the longest, so that no lease ends while others are measured."""
FIRST_OBSERVATION = 2
"""The observation of each VIM at first: even, and not 0, which would mean that its action does not count."""
EMPTY_PATH = "/benchmarks.Conductor/Empty"
GRANTED_PATH = "/benchmarks.Conductor/Granted"
"""Tells a conductor when all leases end now: only conductors write them, so it would not read that."""
_AGES = 64
"""Number of different ages of verdicts in one call: each action has reached its own at another time."""
UPDATE_PATH = "/vimesh.v1.ConductorService/UpdateVim"
BATCH_PATH = "/vimesh.v1.ConductorService/UpdateVims"


class Work(StrEnum):
    EMPTY = "empty"
    """An empty message in, an empty message out."""
    CHANGED = "changed"
    """Each report turns its VIM's status around: a status and an event are written."""
    SAME = "same"
    """Each contact brings no news. Its cost depends on the leases: see population.py."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A VIM with its wanted action."""

    vim_id: str
    action_id: str


class Task(NamedTuple):
    request: bytes
    answer: bytes
    """The answer of a conductor that has done it. Any other answer is a failure."""


def task_of(work: Work, vims: Sequence[Watched]) -> Callable[[int], Task]:
    """Return a function that makes the task of a position: VIM after VIM, lap after lap."""
    if work is Work.EMPTY:
        empty = Task(b"", b"")
        return lambda _: empty
    watched = [
        (_request(vim_id=vim.vim_id), _request(action_id=vim.action_id))  # the status comes between them
        for vim in vims
    ]
    said: dict[tuple[int, int], _Said] = {}

    def task(position: int) -> Task:
        lap, number = divmod(position, len(watched))
        key = lap, number % _AGES
        if (report := said.get(key)) is None:
            # VIMs that never change keep reporting what is on record of them at first.
            observation = FIRST_OBSERVATION + (0 if work is Work.SAME else 1 + lap)
            report = said[key] = _Said.of(observation, age=Duration(seconds=lap, nanos=1_000_003 * (1 + key[1])))
        vim, action = watched[number]
        # Concatenated messages are one message with the fields of all. This is the order in which protobuf's
        # libraries write them.
        return Task(b"".join((vim, report.status, action, report.more)), report.answer)

    return task


def batch(tasks: Sequence[Task]) -> Task:
    """Return one UpdateVims of many UpdateVim calls."""
    return Task(b"".join(map(_element, (t.request for t in tasks))), b"".join(map(_element, (t.answer for t in tasks))))


class _Said(NamedTuple):
    """The report of many VIMs, serialized without the VIM and the action."""

    status: bytes
    more: bytes
    answer: bytes

    @classmethod
    def of(cls, observation: int, age: Duration) -> _Said:
        if observation % 2:
            status = vim_pb2.Vim.UNREACHABLE
            more = _request(observation=observation, reason="TIMEOUT", detail="no answer within 1 s", age=age)
        else:
            status = vim_pb2.Vim.REACHABLE
            more = _request(observation=observation, round_trip=Duration(nanos=1_250_000), age=age)
        answer = pb.UpdateVimResponse(status=status, contact_within=Duration(seconds=CONTACT_WITHIN_S))
        return cls(_request(status=status), more, answer.SerializeToString())


def _request(**fields: Any) -> bytes:  # noqa: ANN401 - those of the message
    return pb.UpdateVimRequest(**fields).SerializeToString()


def _element(serialized: bytes) -> bytes:
    # Field 1, repeated, of both the request and the response.
    length = len(serialized)
    head = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return b"\x0a" + head + serialized
