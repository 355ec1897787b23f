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
    OnAnswer,
    Trouble,
    first_distinct,
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
        self._arrivals: deque[tuple[OnAnswer, int, FamilyAnswer]] = deque()
        self._is_waking = False
        self._closed = False
        self._reread_timer: asyncio.TimerHandle | None = None

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
        if self._reread_timer is not None:
            self._reread_timer.cancel()
        self._servers.close()
        self._files.close()

    def __call__(self, name: str, on_answer: OnAnswer) -> None:
        """Ask for both families of a name; see LookUp. `on_answer` is not called once this is closed."""
        if self._closed:
            return
        in_file = self._hosts_file(name)
        for family in FAMILIES:
            if in_file is None:
                self._query(self._servers, name, family, self._callback(family, on_answer))
            else:
                self._hand_to_loop(on_answer, family, _answer_of_file(in_file, family))

    def _hosts_file(self, name: str) -> pycares.AddrInfoResult | None:
        """Return the entry in the hosts file; None if the name is not there."""
        landed: list[pycares.AddrInfoResult | None] = []
        self._query(self._files, name.removesuffix("."), socket.AF_UNSPEC, lambda result, _: landed.append(result))
        # No need to wait: a HostsFileChannel calls back before `_query` returns.
        return landed[0] if landed else None

    @staticmethod
    def _query(channel: pycares.Channel, name: str, family: int, callback: Landing) -> None:
        channel.getaddrinfo(
            name,
            None,
            family=socket.AddressFamily(family),
            type=socket.SOCK_STREAM,
            flags=_UNSORTED,
            callback=callback,
        )

    def _callback(self, family: int, on_answer: OnAnswer) -> Landing:
        return lambda result, error: self._hand_to_loop(on_answer, family, _answer(result, error))

    def _hand_to_loop(self, on_answer: OnAnswer, family: int, answer: FamilyAnswer) -> None:
        """Hand an answer to the loop, from any thread. One wake-up takes all answers that have arrived by then."""
        self._arrivals.append((on_answer, family, answer))
        if not self._is_waking and not self._closed:
            self._is_waking = True
            with suppress(RuntimeError):  # the loop has just been closed: there are no waiters any more
                self._loop.call_soon_threadsafe(self._deliver_arrivals)

    def _deliver_arrivals(self) -> None:
        self._is_waking = False  # first: answers that arrive from now on wake the loop again
        while self._arrivals and not self._closed:
            on_answer, family, answer = self._arrivals.popleft()
            on_answer(family, answer)
        if self._reread_timer is None and not self._closed:
            self._reread_timer = self._loop.call_later(REREAD_S, self._reread)

    def _reread(self) -> None:
        self._reread_timer = None
        self._servers.reinit()


def _answer(result: pycares.AddrInfoResult | None, error: int | None) -> FamilyAnswer:
    if result is not None and result.nodes:
        hosts = first_distinct(_hosts(result))
        ttl_s = float(min(node.ttl for node in result.nodes[:MAX_ADDRESSES]))
        return NameAddresses(hosts, ttl_s, costly=len(result.nodes) > MAX_ADDRESSES)
    detail = str(errno.strerror(errno.ARES_ENODATA if error is None else error))
    if error is None or error in _NOTHING_THERE:
        return Empty(detail)
    return Trouble(detail, silent=error == errno.ARES_ETIMEOUT)


def _answer_of_file(result: pycares.AddrInfoResult, family: int) -> FamilyAnswer:
    hosts = first_distinct(host for host in _hosts(result) if host.family == family)
    return NameAddresses(hosts, None) if hosts else Empty("the hosts file has other addresses")


def _hosts(result: pycares.AddrInfoResult) -> Iterator[IpHost]:
    for node in result.nodes:
        ip, *rest = node.addr
        scope = rest[2] if len(rest) == 3 else 0
        yield host_from_answer(node.family, ip.decode("ascii") if isinstance(ip, bytes) else ip, scope)
