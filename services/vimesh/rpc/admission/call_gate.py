"""How many calls of each class a conductor has under way. What is above that is refused before it is parsed.

Callers that wait cost memory and, once they have given up, work for nobody. So a conductor takes as many calls as it
can answer soon, and says at once to all others when to come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc

from vimesh.rpc.admission.call_priorities import CLASS_OF, CallPriority, cost
from vimesh.rpc.admission.callers import caller
from vimesh.rpc.admission.overload_answers import Refusals

_Context = grpc.aio.ServicerContext[Any, Any]
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class CallLimit:
    """What unary calls of a class may have under way together. One alone is always taken."""

    calls: int
    request_bytes: int


@dataclass(frozen=True, slots=True)
class StreamLimit:
    streams: int
    per_caller: int
    """From one address, or one network of IPv6 addresses that a subscriber is given."""


@dataclass(frozen=True, slots=True)
class CallAdmissionLimits:
    """The defaults keep a change or a read that is taken from waiting for much longer than a second."""

    reports: CallLimit = CallLimit(6000, 64 * _MIB)
    """Those that wait share transactions, and a fleet of 5,000 actions may be back in one moment: the last to go."""
    changes: CallLimit = CallLimit(256, 16 * _MIB)
    """They are written one by one, some three hundred per second."""
    reads: CallLimit = CallLimit(256, 8 * _MIB)
    """A conductor answers some seven hundred per second of single VIMs, and some ten long lists."""
    action_streams: StreamLimit = StreamLimit(2048, 512)
    """One for each monitor, and for each process of an executor."""
    watches: StreamLimit = StreamLimit(4096, 1024)
    """An idle one says something every five seconds: this many take up to a quarter of a core, and 110 MB."""
    retry_after_s: Mapping[CallPriority, float] = field(
        default_factory=lambda: {
            CallPriority.REPORTS: 0.5,
            CallPriority.CHANGES: 1.0,
            CallPriority.READS: 1.0,
            CallPriority.WATCHES: 5.0,
        }
    )


class CallLimiter:
    """What a class of unary calls has under way."""

    def __init__(self, limit: CallLimit) -> None:
        self._limit = limit
        self._calls = 0
        self._bytes = 0

    def acquire(self, calls: int, request_bytes: int) -> bool:
        """Take a call that counts as so many, unless there is no room. Each that is taken has to be released."""
        # A quarter is for calls that count as one: somebody's long lists keep nobody from looking at a VIM.
        most = self._limit.calls if calls == 1 else self._limit.calls * 3 // 4
        if self._calls and (self._calls + calls > most or self._bytes + request_bytes > self._limit.request_bytes):
            return False
        self._calls += calls
        self._bytes += request_bytes
        return True

    def release(self, calls: int, request_bytes: int) -> None:
        self._calls -= calls
        self._bytes -= request_bytes


class StreamLimiter:
    """Which streams of a class are open, by where they come from."""

    def __init__(self, limit: StreamLimit) -> None:
        self._limit = limit
        self._streams = 0
        self._of: dict[str, int] = {}

    def acquire(self, address: str) -> bool:
        """Take a stream, unless there is no room. Each that is taken has to be released."""
        of_caller = self._of.get(address, 0)
        if self._streams >= self._limit.streams or of_caller >= self._limit.per_caller:
            return False
        self._streams += 1
        self._of[address] = of_caller + 1
        return True

    def release(self, address: str) -> None:
        self._streams -= 1
        if self._of[address] > 1:
            self._of[address] -= 1
        else:
            del self._of[address]


class CallGate:
    """Where the calls of one method come in."""

    def __init__(self, limiter: CallLimiter, cost: int, refusals: Refusals) -> None:
        self._limiter = limiter
        self._cost = cost
        self.refuse = refusals.refuse

    def enter(self, request_bytes: int) -> bool:
        """Say whether there is room for a request. If so, `leave` has to be called when it has ended."""
        return self._limiter.acquire(self._cost, request_bytes)

    def leave(self, request_bytes: int) -> None:
        self._limiter.release(self._cost, request_bytes)


class StreamGate:
    """Where the streams of one method come in."""

    def __init__(self, limiter: StreamLimiter, refusals: Refusals) -> None:
        self._limiter = limiter
        self.refuse = refusals.refuse

    def enter(self, context: _Context) -> bool:
        """Say whether there is room for a stream. It leaves by itself when its call has ended, however that was."""
        address = caller(context.invocation_metadata() or (), context.peer())
        if not self._limiter.acquire(address):
            return False
        context.add_done_callback(lambda _: self._limiter.release(address))  # type: ignore[arg-type]  # any callable
        return True


class CallAdmission:
    """Of one conductor."""

    def __init__(self, limits: CallAdmissionLimits | None = None) -> None:
        limits = limits or CallAdmissionLimits()
        self._refusals = {
            call_class: Refusals(call_class, retry_after_s=limits.retry_after_s[call_class])
            for call_class in CallPriority
        }
        self._calls = {
            CallPriority.REPORTS: CallLimiter(limits.reports),
            CallPriority.CHANGES: CallLimiter(limits.changes),
            CallPriority.READS: CallLimiter(limits.reads),
        }
        self._streams = {
            CallPriority.REPORTS: StreamLimiter(limits.action_streams),
            CallPriority.WATCHES: StreamLimiter(limits.watches),
        }

    def of_calls(self, method: str) -> CallGate:
        """Return the gate of a method that is named without its service. Raises KeyError: each must have a class."""
        call_class = CLASS_OF[method]
        return CallGate(self._calls[call_class], cost(method), self._refusals[call_class])

    def of_streams(self, method: str) -> StreamGate:
        """Do the same for a method that answers with a stream."""
        call_class = CLASS_OF[method]
        return StreamGate(self._streams[call_class], self._refusals[call_class])
