"""Limits the calls of each class that a conductor has in flight. Excess calls are refused before they are parsed.

Waiting calls cost memory and, once their callers have given up, useless work. So a conductor admits only as many calls
as it can answer soon, and refuses all others at once with a time to retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc

from vimesh.rpc.admission.callers import caller
from vimesh.rpc.admission.overload_answers import Refusals
from vimesh.rpc.rpc_table import COMMON_RPCS, RPCS, CallPriority, TrafficClass
from vimesh.tracing.current_request import call_metadata

_Context = grpc.aio.ServicerContext[Any, Any]
_MIB = 1024 * 1024
_PRIORITIES = {
    **{rpc.method: rpc.traffic.priority for rpc in RPCS},
    # Only the streams: `Check` of grpc.health.v1 is never refused.
    **{rpc.method: rpc.traffic.priority for rpc in COMMON_RPCS if rpc.traffic is TrafficClass.WATCHES},
}
"""Priority by method name without the service."""
_STREAM_CLASSES = {CallPriority.REPORTS: "action_streams", CallPriority.WATCHES: "watches"}
_COSTS = {rpc.method: rpc.cost for rpc in RPCS}


@dataclass(frozen=True, slots=True)
class CallLimit:
    """Limits on all unary calls of a class that are in flight. A single call alone is always admitted."""

    calls: int
    request_bytes: int


@dataclass(frozen=True, slots=True)
class StreamLimit:
    streams: int
    per_caller: int
    """From one IPv4 address, or one IPv6 network of the size that a subscriber gets."""


@dataclass(frozen=True, slots=True)
class CallAdmissionLimits:
    """Limits per class. With the defaults, an admitted change or read does not wait for much longer than a second."""

    reports: CallLimit = CallLimit(6000, 64 * _MIB)
    """Waiting reports share transactions, and a fleet of 5,000 actions may report at the same moment."""
    changes: CallLimit = CallLimit(256, 16 * _MIB)
    """Changes are written one at a time, about three hundred per second."""
    reads: CallLimit = CallLimit(256, 8 * _MIB)
    """A conductor answers about seven hundred reads of single VIMs per second, or about ten long lists."""
    action_streams: StreamLimit = StreamLimit(2048, 1024)
    """A monitor has one for its actions and one for probes that are asked for, and up to six short ones while it asks
    others about what it cannot reach; an executor process has one. A hundred monitors may be at one address."""
    watches: StreamLimit = StreamLimit(4096, 1024)
    """An idle watch sends a message every five seconds: this many take up to a quarter of a core, and 110 MB."""
    retry_after_s: Mapping[CallPriority, float] = field(
        default_factory=lambda: {
            CallPriority.REPORTS: 0.5,
            CallPriority.CHANGES: 1.0,
            CallPriority.READS: 1.0,
            CallPriority.WATCHES: 5.0,
        }
    )


class Load(NamedTuple):
    """How much is in flight, and how much may be."""

    calls: int
    limit: int


class CallLimiter:
    """Counts the unary calls of a class that are in flight."""

    def __init__(self, limit: CallLimit) -> None:
        self._limit = limit
        self._calls = 0
        self._bytes = 0

    def acquire(self, calls: int, request_bytes: int) -> bool:
        """Admit a call that counts as `calls`, if there is room. The caller must release each admitted call."""
        # A quarter is reserved for calls that count as one, so that long lists do not block reads of single VIMs.
        max_calls = self._limit.calls if calls == 1 else self._limit.calls * 3 // 4
        if self._calls and (self._calls + calls > max_calls or self._bytes + request_bytes > self._limit.request_bytes):
            return False
        self._calls += calls
        self._bytes += request_bytes
        return True

    @property
    def load(self) -> Load:
        return Load(self._calls, self._limit.calls)

    def release(self, calls: int, request_bytes: int) -> None:
        self._calls -= calls
        self._bytes -= request_bytes


class StreamLimiter:
    """Counts the open streams of a class, in total and by the caller's address."""

    def __init__(self, limit: StreamLimit) -> None:
        self._limit = limit
        self._streams = 0
        self._by_caller: dict[str, int] = {}

    def acquire(self, address: str) -> bool:
        """Admit a stream, if there is room. The caller must release each admitted stream."""
        of_caller = self._by_caller.get(address, 0)
        if self._streams >= self._limit.streams or of_caller >= self._limit.per_caller:
            return False
        self._streams += 1
        self._by_caller[address] = of_caller + 1
        return True

    @property
    def load(self) -> Load:
        return Load(self._streams, self._limit.streams)

    def release(self, address: str) -> None:
        self._streams -= 1
        if self._by_caller[address] > 1:
            self._by_caller[address] -= 1
        else:
            del self._by_caller[address]


class CallGate:
    """Admits or refuses the calls of one method."""

    def __init__(self, limiter: CallLimiter, cost: int, refusals: Refusals) -> None:
        self._limiter = limiter
        self._cost = cost
        self.refuse = refusals.refuse

    def enter(self, request_bytes: int) -> bool:
        """Return whether there is room for a request. If so, call `leave` when it has ended."""
        return self._limiter.acquire(self._cost, request_bytes)

    def leave(self, request_bytes: int) -> None:
        self._limiter.release(self._cost, request_bytes)


class StreamGate:
    """Admits or refuses the streams of one method."""

    def __init__(self, limiter: StreamLimiter, refusals: Refusals) -> None:
        self._limiter = limiter
        self.refuse = refusals.refuse

    def enter(self, context: _Context) -> bool:
        """Return whether there is room for a stream. It is released when its call ends, however that happens."""
        address = caller(call_metadata(), context.peer())
        if not self._limiter.acquire(address):
            return False
        context.add_done_callback(lambda _: self._limiter.release(address))  # type: ignore[arg-type]  # any callable
        return True


class CallAdmission:
    """Hands out the gates of one conductor."""

    def __init__(self, limits: CallAdmissionLimits | None = None) -> None:
        limits = limits or CallAdmissionLimits()
        self.refusals = {
            priority: Refusals(priority, retry_after_s=limits.retry_after_s[priority]) for priority in CallPriority
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

    @property
    def loads(self) -> dict[str, Load]:
        """The load of each class of calls, by its name. Unary calls count as what they cost."""
        calls = {str(priority.value): limiter.load for priority, limiter in self._calls.items()}
        streams = {_STREAM_CLASSES[priority]: limiter.load for priority, limiter in self._streams.items()}
        return {**calls, **streams}

    def call_gate(self, method: str) -> CallGate:
        """Return the gate of a method, named without its service. Raises KeyError if the method has no class."""
        priority = _PRIORITIES[method]
        return CallGate(self._calls[priority], _COSTS[method], self.refusals[priority])

    def stream_gate(self, method: str) -> StreamGate:
        """Return the gate of a method that responds with a stream. Raises KeyError as `call_gate` does."""
        priority = _PRIORITIES[method]
        return StreamGate(self._streams[priority], self.refusals[priority])
