"""Channels of c-ares with options that pycares does not pass on, or passes on too late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pycares
from pycares._cares import ffi, lib  # type: ignore[import-not-found]  # compiled, without types

FIRST_TRY_MS = 500
"""A name server is waited for so long at first, and for less when it usually answers fast, but 250 ms at least."""
LONGEST_TRY_MS = 1000
"""Each further try doubles that, up to this, less a random part of up to a half: so the third lasts 0.5 s at least.

An answer counts only in the try that asked for it. With less, a name whose servers take 0.4 s, beside others that are
answered at once, would be lost now and then, and its VIM be UNKNOWN in one round and not in the next.
"""
TRIES = 3

# Of ares.h; pycares does not name them.
_MAX_TRY, _UDP_MAX_QUERIES, _QUERY_CACHE = 1 << 20, 1 << 19, 1 << 21


class _ChannelOf(pycares.Channel):
    """A channel that asks where `lookups` says: `b` for name servers, `f` for the hosts file.

    pycares (up to 5.2.1 at least) takes such a string, too, but has freed it by the time c-ares reads it: such a
    channel asks nowhere, or anywhere, as the memory happens to be.
    """

    def __init__(self, lookups: bytes, options: Any, mask: int) -> None:  # noqa: ANN401 - ffi has no types
        super().__init__(sock_state_cb=lambda *_: None)  # so that no thread is started for it
        text = ffi.new("char[]", lookups)
        options.lookups = text
        channel = ffi.new("ares_channel *")
        status = lib.ares_init_options(channel, options, mask | lib.ARES_OPT_LOOKUPS)
        if status != lib.ARES_SUCCESS:
            raise pycares.AresError(status, pycares.errno.strerror(status))
        usual: Any = self._channel
        self._channel = channel
        lib.ares_destroy(usual[0])


class HostsFileChannel(_ChannelOf):
    """Looks into the hosts file. It has no sockets and needs no thread: each answer is there when the call returns."""

    def __init__(self) -> None:
        super().__init__(b"f", ffi.new("struct ares_options *"), 0)


class QuestionChannel(_ChannelOf):
    """Asks name servers, each question by a socket of its own, and keeps no answer.

    Over a socket that questions share, one malformed answer has c-ares ask all of them again, and give them up at the
    third: any zone could keep other names from being looked up. And what c-ares keeps would hide that a name has moved.
    """

    def __init__(self, name_servers: Sequence[str]) -> None:
        """`name_servers`: each `ip`, `ip:port` or `[ip]:port`; without any, those of /etc/resolv.conf are asked."""
        options = ffi.new("struct ares_options *")
        options.evsys = lib.ARES_EVSYS_DEFAULT
        options.timeout, options.maxtimeout, options.tries = FIRST_TRY_MS, LONGEST_TRY_MS, TRIES
        options.udp_max_queries, options.qcache_max_ttl = 1, 0
        usual = lib.ARES_OPT_EVENT_THREAD | lib.ARES_OPT_TIMEOUTMS | lib.ARES_OPT_TRIES
        super().__init__(b"b", options, usual | _MAX_TRY | _UDP_MAX_QUERIES | _QUERY_CACHE)
        if name_servers:
            self.servers = list(name_servers)
