"""Computes TLS handshakes in threads: the server determines their cost, which must not hold up the loop."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.tls.handshake_costs import HandshakeCosts
from vimesh.monitor.probes.tls.handshake_step import HandshakeStep
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target
from vimesh.runtime.daemon_threads import DaemonThreads

_THREADS = 2
_LOW_PRIORITY = 10


class Handshakes:
    """Threads for all servers, and one low-priority thread for those whose handshakes cost too much.

    An eventfd signals computed steps, so that the epoll object of the sockets reports them, too.
    """

    def __init__(self, *, clock: Clock, costs: HandshakeCosts, on_costly: Callable[[Target, float], None]) -> None:
        """`on_costly` is called in the loop with the CPU seconds of a handshake that has cost too much."""
        self._clock = clock
        self._costs = costs
        self._on_costly = on_costly
        self._common = DaemonThreads(_THREADS, "vimesh-tls")
        self._costly_threads = DaemonThreads(1, "vimesh-tls-costly")
        self._computed: deque[HandshakeStep] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._event_lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        self._common.__enter__()
        self._costly_threads.__enter__()
        self._costly_threads.submit(_lower_priority)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._costly_threads.__exit__(kind, error, trace)
        self._common.__exit__(kind, error, trace)
        # A thread that is still computing must not write: the descriptor may belong to another file by then.
        with self._event_lock:
            self._closed = True
            os.close(self._event)

    def fileno(self) -> int:
        """Return the eventfd that is written after each step. Watch it edge-triggered: it is never read."""
        return self._event

    def admit(self, address: ProbeAddress) -> None:
        """Check whether a handshake with the server may start. Raises LocalFault."""
        self._costs.admit(address)

    def is_costly(self, address: ProbeAddress) -> bool:
        """Return whether handshakes with the server have cost too much."""
        return self._costs.is_costly(address)

    def record_cost(self, step: HandshakeStep) -> None:
        """Record the cost of a step. Call this in the loop."""
        if self._costs.record(step.connection.address, step.cpu_s, step.session.cpu_s):
            self._on_costly(step.connection.target, step.session.cpu_s)

    def submit(self, step: HandshakeStep) -> None:
        """Queue a step for a thread; see `take_computed`. Each session may have only one at a time."""
        if self.is_costly(step.connection.address):
            self._submit_costly(step)
        else:
            self._common.submit(partial(self._compute, step))

    @property
    def has_computed(self) -> bool:
        """Whether `take_computed` may yield something."""
        return bool(self._computed)

    def take_computed(self) -> Iterator[Connection]:
        """Remove and yield the connections whose steps are computed."""
        while self._computed:
            step = self._computed.popleft()
            if step.is_computed:
                self.record_cost(step)
                yield step.connection
            elif not step.is_cancelled:
                self._submit_costly(step)

    def _submit_costly(self, step: HandshakeStep) -> None:
        step.is_costly = True
        self._costly_threads.submit(partial(self._compute, step))

    def _compute(self, step: HandshakeStep) -> None:
        """Compute a step in a thread."""
        # If the server turned out to be costly while the step waited, the common threads must not compute it.
        in_place = step.is_costly or not self._costs.is_costly(step.connection.address)
        if in_place and not step.is_cancelled:
            step.waited_s = self._clock() - step.queued_at
            step.compute()
        self._computed.append(step)
        with self._event_lock:
            if not self._closed:
                os.eventfd_write(self._event, 1)


def _lower_priority() -> None:
    with suppress(OSError):  # a sandbox may forbid it: the thread then keeps its priority
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
