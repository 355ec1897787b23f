"""Error numbers as reasons: which are the VIM's, and which are our own."""

from __future__ import annotations

import errno
import os

import structlog

from vimesh.domain.probing import Reason
from vimesh.monitor.probes.base.prober import FilesExhausted, LocalFault
from vimesh.monitor.targets.target import Target

_log = structlog.get_logger()

_FILES = (errno.EMFILE, errno.ENFILE)
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
    kind = FilesExhausted if number in _FILES else LocalFault
    return kind(_LOCAL.get(number, Reason.LOCAL_RESOURCES), os.strerror(number))


def is_local(number: int) -> bool:
    """Say whether a call that raises this has found why nothing can be sent to where it was to go."""
    return number in _LOCAL


def remote_failure(number: int) -> tuple[str, str]:
    """Say as reason and detail what the network or the VIM answered. Raises LocalFault if it was neither of them."""
    reason = _REMOTE.get(number)
    if reason is None:
        raise local_fault(number)
    return reason, os.strerror(number)


def defect(error: Exception) -> LocalFault:
    """Say what our own code could not do."""
    return LocalFault(Reason.LOCAL_DEFECT, f"the prober broke: {type(error).__name__}: {error}")


class FaultLog:
    """Names what was raised at the probes of a target, and logs the defects of our own code."""

    def __init__(self) -> None:
        self._logged: set[type[Exception]] = set()

    def name(self, target: Target, error: Exception) -> LocalFault:
        """Say as a fault of our own whatever was raised: what the VIM does wrong is an outcome, and not raised."""
        if isinstance(error, LocalFault):
            return error
        if isinstance(error, OSError):
            return local_fault(error.errno or 0)
        # The same defect will meet every VIM, each at every round: once is enough to have it repaired.
        if type(error) not in self._logged:
            self._logged.add(type(error))
            _log.error("a probe broke", vim_id=target.vim_id, exc_info=error)
        return defect(error)
