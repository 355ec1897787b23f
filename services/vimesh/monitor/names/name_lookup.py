"""Looks up the addresses of names through c-ares: first in the hosts file, then at the name servers."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import pycares
from pycares import errno

from vimesh.monitor.names.cares_channel import HostsFileChannel, QuestionChannel
from vimesh.monitor.names.name_answers import (
    FAMILIES,
    MAX_ADDRESSES,
    Empty,
    FamilyAnswer,
    NameAddresses,
    Tell,
    Trouble,
    first_different,
    host_from_answer,
)
from vimesh.monitor.net.ip_addresses import IpHost

REREAD_S = 5.0
"""How often /etc/resolv.conf is read again while names are looked up.

c-ares notices when the file is replaced, but not when it is a link whose target is replaced.
"""

_UNSORTED = 1 << 7
"""ARES_AI_NOSORT: sorting would open a socket for each address."""
_NOTHING_THERE = {errno.ARES_ENODATA, errno.ARES_ENOTFOUND, errno.ARES_EBADNAME}

Landing = Callable[[pycares.AddrInfoResult | None, int | None], None]


class NameLookup:
    """A stub resolver: honours the hosts file, search domains and `ndots`, and follows their changes.

    Answers are read in a thread of c-ares, so that a long one does not block the loop. Enter it in the running loop.
    """

    def __init__(self, name_servers: Sequence[str] = ()) -> None:
        """Use `name_servers`, each `ip`, `ip:port` or `[ip]:port`; without any, those of /etc/resolv.conf."""
        self._name_servers = list(name_servers)
        self._arrivals: deque[tuple[Tell, int, FamilyAnswer]] = deque()
        self._awake = False
        self._closed = False
        self._rereading: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._files = HostsFileChannel()
        self._servers: pycares.Channel = QuestionChannel(self._name_servers)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        if self._rereading is not None:
            self._rereading.cancel()
        self._servers.close()
        self._files.close()

    def __call__(self, name: str, tell: Tell) -> None:
        """Ask for both families of a name; see LookUp. `tell` is not called once this is closed."""
        if self._closed:
            return
        in_file = self._hosts_file(name)
        for family in FAMILIES:
            if in_file is None:
                self._ask(self._servers, name, family, self._landing(family, tell))
            else:
                self._take(tell, family, _answer_of_file(in_file, family))

    def _hosts_file(self, name: str) -> pycares.AddrInfoResult | None:
        """Return the entry in the hosts file; None if the name is not there."""
        landed: list[pycares.AddrInfoResult | None] = []
        self._ask(self._files, name.removesuffix("."), socket.AF_UNSPEC, lambda result, _: landed.append(result))
        # No need to wait: a HostsFileChannel calls back before `_ask` returns.
        return landed[0] if landed else None

    @staticmethod
    def _ask(channel: pycares.Channel, name: str, family: int, landing: Landing) -> None:
        channel.getaddrinfo(
            name,
            None,
            family=socket.AddressFamily(family),
            type=socket.SOCK_STREAM,
            flags=_UNSORTED,
            callback=landing,
        )

    def _landing(self, family: int, tell: Tell) -> Landing:
        return lambda result, error: self._take(tell, family, _answer(result, error))

    def _take(self, tell: Tell, family: int, answer: FamilyAnswer) -> None:
        """Hand an answer to the loop, from any thread. One wake-up takes all answers that have arrived by then."""
        self._arrivals.append((tell, family, answer))
        if not self._awake and not self._closed:
            self._awake = True
            with suppress(RuntimeError):  # the loop has just been closed: there are no waiters any more
                self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._awake = False  # first: answers that arrive from now on wake the loop again
        while self._arrivals and not self._closed:
            tell, family, answer = self._arrivals.popleft()
            tell(family, answer)
        if self._rereading is None and not self._closed:
            self._rereading = self._loop.call_later(REREAD_S, self._reread)

    def _reread(self) -> None:
        self._rereading = None
        self._servers.reinit()


def _answer(result: pycares.AddrInfoResult | None, error: int | None) -> FamilyAnswer:
    if result is not None and result.nodes:
        hosts = first_different(_hosts(result))
        ttl_s = float(min(node.ttl for node in result.nodes[:MAX_ADDRESSES]))
        return NameAddresses(hosts, ttl_s, costly=len(result.nodes) > MAX_ADDRESSES)
    detail = str(errno.strerror(errno.ARES_ENODATA if error is None else error))
    if error is None or error in _NOTHING_THERE:
        return Empty(detail)
    return Trouble(detail, silent=error == errno.ARES_ETIMEOUT)


def _answer_of_file(result: pycares.AddrInfoResult, family: int) -> FamilyAnswer:
    hosts = first_different(host for host in _hosts(result) if host.family == family)
    return NameAddresses(hosts, None) if hosts else Empty("the hosts file has other addresses")


def _hosts(result: pycares.AddrInfoResult) -> Iterator[IpHost]:
    for node in result.nodes:
        ip, *rest = node.addr
        scope = rest[2] if len(rest) == 3 else 0
        yield host_from_answer(node.family, ip.decode("ascii") if isinstance(ip, bytes) else ip, scope)
