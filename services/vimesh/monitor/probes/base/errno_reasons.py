"""Maps error numbers to reasons: failures of the VIM and faults of this machine."""

from __future__ import annotations

import errno
import os

import structlog

from vimesh.domain.probing import Reason
from vimesh.monitor.probes.base.prober import FilesExhausted, LocalFault
from vimesh.monitor.targets.target import Target

_log = structlog.get_logger()

_FILES = (errno.EMFILE, errno.ENFILE)
# Raised by the sending call itself: the packet never left.
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
# Reported after the packet has left: the peer's reaction, or the kernel's translation of an ICMP message. All other
# numbers, such as ENOBUFS, ENOMEM or ENETDOWN, always concern this machine (G12).
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
    """Return the fault that kept our own call from sending."""
    kind = FilesExhausted if number in _FILES else LocalFault
    return kind(_LOCAL.get(number, Reason.LOCAL_RESOURCES), os.strerror(number))


def is_local(number: int) -> bool:
    """Return whether a sending call that raises this number shows that nothing can be sent to its destination."""
    return number in _LOCAL


def remote_failure(number: int) -> tuple[str, str]:
    """Return reason and detail of an error reported by the network or the VIM. Raises LocalFault if it is local."""
    reason = _REMOTE.get(number)
    if reason is None:
        raise local_fault(number)
    return reason, os.strerror(number)


def defect(error: Exception) -> LocalFault:
    """Return the fault for a defect in our own code."""
    return LocalFault(Reason.LOCAL_DEFECT, f"the prober failed: {type(error).__name__}: {error}")


class FaultLog:
    """Turns exceptions raised by probes into local faults, and logs the defects of our own code."""

    def __init__(self) -> None:
        self._logged: set[type[Exception]] = set()

    def to_fault(self, target: Target, error: Exception) -> LocalFault:
        """Return an exception as a local fault: failures of the VIM are outcomes and are never raised."""
        if isinstance(error, LocalFault):
            return error
        if isinstance(error, OSError):
            return local_fault(error.errno or 0)
        # The same defect would recur in every round of every VIM: log it once.
        if type(error) not in self._logged:
            self._logged.add(type(error))
            _log.error("a probe raised an error", vim_id=target.vim_id, exc_info=error)
        return defect(error)
