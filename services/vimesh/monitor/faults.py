"""Error numbers as reasons: which are the VIM's, and which are our own."""

from __future__ import annotations

import errno
import os

from vimesh.domain.probing import Reason
from vimesh.monitor.probes import LocalFault

# Raised by our own call: the packet never left.
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
# Learnt when the packet had left: what the peer does, and what the kernel makes of ICMP messages. All other numbers,
# such as ENOBUFS, ENOMEM or ENETDOWN, are about this machine at any time (G12).
_REMOTE = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.ENOTCONN: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ENETUNREACH: Reason.NET_UNREACHABLE,
    errno.EHOSTUNREACH: Reason.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Reason.HOST_UNREACHABLE,
    errno.ENONET: Reason.HOST_UNREACHABLE,
    errno.EACCES: Reason.HOST_UNREACHABLE,
    errno.ENOPROTOOPT: Reason.HOST_UNREACHABLE,
    errno.EOPNOTSUPP: Reason.HOST_UNREACHABLE,
    errno.EPROTO: Reason.HOST_UNREACHABLE,
}


def local_fault(number: int) -> LocalFault:
    """Say what kept our own call from sending."""
    return LocalFault(_LOCAL.get(number, Reason.LOCAL_RESOURCES), os.strerror(number))


def remote_failure(number: int) -> tuple[str, str]:
    """Say as reason and detail what the network or the VIM answered. Raises LocalFault if it was neither of them."""
    reason = _REMOTE.get(number)
    if reason is None:
        raise local_fault(number)
    return reason, os.strerror(number)


def defect(error: Exception) -> LocalFault:
    """Say what our own code could not do."""
    return LocalFault(Reason.LOCAL_DEFECT, f"the prober broke: {type(error).__name__}: {error}")
