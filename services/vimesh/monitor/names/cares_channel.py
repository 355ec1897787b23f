"""A channel of c-ares with options that pycares does not pass on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pycares
from pycares._cares import ffi, lib  # type: ignore[import-not-found]  # compiled, without types

FIRST_TRY_MS = 500
"""A name server is waited for so long at first, and for less when it usually answers fast."""
LONGEST_TRY_MS = 700
TRIES = 3

# Of ares.h; pycares does not name them.
_MAX_TRY, _UDP_MAX_QUERIES, _QUERY_CACHE = 1 << 20, 1 << 19, 1 << 21


class QuestionChannel(pycares.Channel):
    """Asks name servers, each question by a socket of its own, and keeps no answer.

    Over a socket that questions share, one malformed answer has c-ares ask all of them again, and give them up at the
    third: any zone could keep other names from being looked up. And what c-ares keeps would hide that a name has moved.
    """

    def __init__(self, name_servers: Sequence[str]) -> None:
        """`name_servers`: each `ip`, `ip:port` or `[ip]:port`; without any, those of /etc/resolv.conf are asked."""
        super().__init__(lookups="b")
        usual: Any = self._channel
        self._channel = _open()
        lib.ares_destroy(usual[0])
        if name_servers:
            self.servers = list(name_servers)


def _open() -> Any:  # noqa: ANN401 - ffi has no types
    lookups = ffi.new("char[]", b"b")
    options = ffi.new("struct ares_options *")
    options.lookups, options.evsys = lookups, lib.ARES_EVSYS_DEFAULT
    options.timeout, options.maxtimeout, options.tries = FIRST_TRY_MS, LONGEST_TRY_MS, TRIES
    options.udp_max_queries, options.qcache_max_ttl = 1, 0
    channel = ffi.new("ares_channel *")
    usual = lib.ARES_OPT_LOOKUPS | lib.ARES_OPT_EVENT_THREAD | lib.ARES_OPT_TIMEOUTMS | lib.ARES_OPT_TRIES
    status = lib.ares_init_options(channel, options, usual | _MAX_TRY | _UDP_MAX_QUERIES | _QUERY_CACHE)
    if status != lib.ARES_SUCCESS:
        raise pycares.AresError(status, pycares.errno.strerror(status))
    return channel
