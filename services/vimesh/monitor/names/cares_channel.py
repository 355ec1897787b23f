"""Opens c-ares channels with options that pycares does not pass on, or passes on too late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pycares
from pycares._cares import ffi, lib  # type: ignore[import-not-found]  # compiled, without types

FIRST_TRY_MS = 500
"""Wait for a name server in the first try; shorter, but at least 250 ms, if it usually answers fast."""
LONGEST_TRY_MS = 1000
"""Each further try doubles the wait, up to this limit, less a random part of up to half: the third takes >= 0.5 s.

An answer counts only in the try that asked for it. With a smaller limit, a name whose servers take 0.4 s, next to
others that are answered at once, would be lost now and then: its VIM would be UNKNOWN in one round but not in the next.
"""
TRIES = 3

# From ares.h; pycares does not define them.
_MAX_TRY, _UDP_MAX_QUERIES, _QUERY_CACHE = 1 << 20, 1 << 19, 1 << 21


class _ChannelOf(pycares.Channel):
    """A channel that asks the sources in `lookups`: `b` for name servers, `f` for the hosts file.

    pycares (at least up to 5.2.1) accepts such a string too, but has freed it by the time c-ares reads it: its channel
    asks whatever sources the freed memory happens to name, or none.
    """

    def __init__(self, lookups: bytes, options: Any, mask: int) -> None:  # noqa: ANN401 - ffi has no types
        super().__init__(sock_state_cb=lambda *_: None)  # with a callback, no thread is started for it
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
    """Looks names up in the hosts file. Has no sockets and needs no thread: answers are there when the call returns."""

    def __init__(self) -> None:
        super().__init__(b"f", ffi.new("struct ares_options *"), 0)


class QuestionChannel(_ChannelOf):
    """Asks name servers. Each question has a socket of its own, and no answer is cached.

    On a shared socket, one malformed answer makes c-ares ask all its questions again, and the third time give them up:
    any zone could then keep other names from being looked up. A cache in c-ares would hide that a name has moved.
    """

    def __init__(self, name_servers: Sequence[str]) -> None:
        """Use `name_servers`, each `ip`, `ip:port` or `[ip]:port`; without any, those of /etc/resolv.conf."""
        options = ffi.new("struct ares_options *")
        options.evsys = lib.ARES_EVSYS_DEFAULT
        options.timeout, options.maxtimeout, options.tries = FIRST_TRY_MS, LONGEST_TRY_MS, TRIES
        options.udp_max_queries, options.qcache_max_ttl = 1, 0
        usual = lib.ARES_OPT_EVENT_THREAD | lib.ARES_OPT_TIMEOUTMS | lib.ARES_OPT_TRIES
        super().__init__(b"b", options, usual | _MAX_TRY | _UDP_MAX_QUERIES | _QUERY_CACHE)
        if name_servers:
            self.servers = list(name_servers)
