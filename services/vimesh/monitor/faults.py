"""Error numbers as reasons: which are the VIM's, and which are our own."""

from __future__ import annotations

import errno
import os

from vimesh.domain.probing import Reason
from vimesh.monitor.probes import LocalFault

# Raised by our own call: the packet never left. Learnt later from the network, the same numbers are the VIM's.
_LOCAL = {
    errno.ENETUNREACH: Reason.LOCAL_NO_ROUTE,
    errno.EHOSTUNREACH: Reason.LOCAL_NO_ROUTE,
    errno.ENETDOWN: Reason.LOCAL_NO_ROUTE,
    errno.EINVAL: Reason.LOCAL_NO_ROUTE,
    errno.EADDRNOTAVAIL: Reason.LOCAL_NO_ROUTE,
    errno.EAFNOSUPPORT: Reason.LOCAL_NO_ROUTE,
    errno.EACCES: Reason.LOCAL_PERMISSION,
    errno.EPERM: Reason.LOCAL_PERMISSION,
}
_REMOTE = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.ENETUNREACH: Reason.NET_UNREACHABLE,
    errno.ENETDOWN: Reason.NET_UNREACHABLE,
    errno.EHOSTUNREACH: Reason.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Reason.HOST_UNREACHABLE,
    errno.EACCES: Reason.HOST_UNREACHABLE,
    errno.ENOPROTOOPT: Reason.HOST_UNREACHABLE,
    errno.EPROTO: Reason.HOST_UNREACHABLE,
    errno.ETIMEDOUT: Reason.TIMEOUT,
}


def local_fault(number: int) -> LocalFault:
    """Say what kept our own call from sending."""
    return LocalFault(_LOCAL.get(number, Reason.LOCAL_RESOURCES), os.strerror(number))


def remote_failure(number: int) -> tuple[str, str]:
    """Say as reason and detail what the network or the VIM answered."""
    return _REMOTE.get(number, Reason.HOST_UNREACHABLE), os.strerror(number)
