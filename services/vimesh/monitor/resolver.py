"""Host names to addresses: shared by all targets, bounded, and never in the way of those given by address."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vimesh.monitor.addresses import Host
from vimesh.monitor.running_clock import Clock

REFRESH_S = 60.0
"""So old may an address be before it is asked for again, in the background."""
DOUBT_S = 5.0
"""So old must it be to be asked for again because a round failed."""
FORGET_S = 3 * REFRESH_S
"""A name that nobody used for so long is dropped."""
_SWEEP_MIN = 1024

_NO_SUCH_NAME = {socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY}


@dataclass(frozen=True, slots=True)
class NoSuchName:
    """The name service says that the name has no address."""

    detail: str


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """The name service could not be asked."""

    detail: str


Hosts = tuple[Host, ...]
Outcome = Hosts | NoSuchName | LookupFailed
LookUp = Callable[[str], Outcome]


class Waiter(NamedTuple):
    """What to call when a name is looked up."""

    begun: Callable[[], None]
    """The lookup has begun: until then it stood in line behind others."""
    landed: Callable[[Outcome], None]


class _Name:
    __slots__ = ("asked_at", "asking", "begun", "hosts", "used_at", "waiters")

    def __init__(self) -> None:
        self.hosts: Hosts | None = None
        self.asked_at = 0.0
        self.used_at = 0.0
        self.asking = False
        self.begun = False
        self.waiters: dict[object, Waiter] = {}


class Resolver:
    """Keeps the addresses of names. A name is asked for once at a time, whoever needs it."""

    def __init__(
        self,
        *,
        submit: Callable[[Callable[[], None]], None],
        call_back: Callable[[Callable[[], None]], object],
        clock: Clock,
        look_up: LookUp | None = None,
    ) -> None:
        """`submit` runs a call that blocks, outside the loop; `call_back` brings what it found back into the loop."""
        self._submit = submit
        self._call_back = call_back
        self._clock = clock
        self._look_up = look_up or look_up_by_system
        self._names: dict[str, _Name] = {}
        self._sweep_at = _SWEEP_MIN

    def known(self, name: str) -> Hosts | None:
        """Return what is known at once. What is old is asked for again, and stays good until there is an answer."""
        entry = self._names.get(name)
        if entry is None or entry.hosts is None:
            return None
        entry.used_at = self._clock()
        self._refresh(name, entry, older_than_s=REFRESH_S)
        return entry.hosts

    def ask(self, name: str, who: object, waiter: Waiter) -> None:
        """Have the waiter called with the outcome, some time. Of one who asks again, only the last waiter is called."""
        entry = self._names.get(name)
        if entry is None:
            self._sweep()
            entry = self._names[name] = _Name()
        entry.used_at = self._clock()
        entry.waiters[who] = waiter
        self._start(name, entry)
        if entry.begun:
            waiter.begun()

    def refresh(self, name: str) -> None:
        """Doubt the addresses of a name: ask for them again, unless that was done just now."""
        entry = self._names.get(name)
        if entry is not None and entry.hosts is not None:
            self._refresh(name, entry, older_than_s=DOUBT_S)

    def _refresh(self, name: str, entry: _Name, *, older_than_s: float) -> None:
        if self._clock() - entry.asked_at >= older_than_s:
            self._start(name, entry)

    def _start(self, name: str, entry: _Name) -> None:
        if entry.asking:
            return
        entry.asking = True
        entry.asked_at = self._clock()
        self._submit(lambda: self._work(name, entry))

    def _work(self, name: str, entry: _Name) -> None:
        try:
            self._call_back(lambda: self._begun(entry))
            outcome = self._look_up(name)
            self._call_back(lambda: self._landed(entry, outcome))
        except RuntimeError:
            return  # the loop was closed while the system's resolver was hanging

    def _begun(self, entry: _Name) -> None:
        entry.begun = True
        for waiter in tuple(entry.waiters.values()):
            waiter.begun()

    def _landed(self, entry: _Name, outcome: Outcome) -> None:
        entry.asking = entry.begun = False
        if isinstance(outcome, NoSuchName):
            entry.hosts = None
        elif not isinstance(outcome, LookupFailed):
            entry.hosts = outcome
        elif entry.hosts is not None:
            outcome = entry.hosts
        waiters, entry.waiters = entry.waiters, {}
        for waiter in waiters.values():
            waiter.landed(outcome)

    def _sweep(self) -> None:
        if len(self._names) < self._sweep_at:
            return
        now = self._clock()
        self._names = {n: e for n, e in self._names.items() if e.asking or now - e.used_at < FORGET_S}
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._names))


def look_up_by_system(name: str) -> Outcome:
    """Ask the system's resolver; blocks, for as long as that likes."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        gone = error.errno in _NO_SUCH_NAME
        return NoSuchName(str(error.strerror)) if gone else LookupFailed(str(error.strerror))
    except UnicodeError as error:
        return NoSuchName(str(error))
    except OSError as error:
        return LookupFailed(str(error))
    return _hosts(found) or NoSuchName("the name has no IP address")


def _hosts(found: Sequence[tuple[object, object, object, str, tuple[object, ...]]]) -> Hosts:
    hosts: dict[Host, None] = {}
    for family, _, _, _, sockaddr in found:
        if family == socket.AF_INET:
            hosts[Host(socket.AF_INET, str(sockaddr[0]))] = None
        elif family == socket.AF_INET6 and len(sockaddr) == 4:
            ip = str(sockaddr[0]).partition("%")[0]
            hosts[Host(socket.AF_INET6, ip, int(str(sockaddr[3])))] = None
    return tuple(hosts)[:4]
