"""Makes the TLS contexts of logins: credentials go only where the certificate is valid, unless that is not wanted."""

from __future__ import annotations

import os
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.token_request import NO_CREDENTIALS, LoginImpossible, text_of
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.tls.tls_trust import lenient_context, narrowed, verifying_context

_NONE: Final = frozenset({"", "None", "NONE", "null", "NULL"})
"""Tacker's ways of writing that there is no certificate."""
_MOST_AUTHORITIES: Final = 256
_FALSE: Final = frozenset({"false", "0", "no"})


def verifies(auth_cred: Mapping[str, object]) -> bool:
    """Return whether the certificate of the server has to be valid: only `cert_verify`, set to False, says no."""
    verify = auth_cred.get("cert_verify")
    return not (verify is False or (isinstance(verify, str) and verify.lower() in _FALSE))


class LoginTrust:
    """Shares contexts that hold no secret: those with the authorities of the system, and those that verify nothing."""

    def __init__(self, make_verifying: Callable[[], ssl.SSLContext] = verifying_context) -> None:
        self._make_verifying = make_verifying
        self._verifying: ssl.SSLContext | None = None
        self._lenient: ssl.SSLContext | None = None
        self._of_authorities: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        """By their text, which is no secret: making one takes as long as a handshake."""

    def context(self, auth_cred: Mapping[str, object], *, with_key: bool = False) -> ssl.SSLContext:
        """Return a context for the VIM. `with_key`: show the client certificate of the credentials, if they have one.

        Raises LoginImpossible if its certificates cannot be read, LocalFault if this machine has no authorities.
        """
        certificate, key = text_of(auth_cred, "client_cert"), text_of(auth_cred, "client_key")
        shows = with_key and bool(certificate) and bool(key)
        authority = text_of(auth_cred, "ssl_ca_cert")
        authority = "" if authority in _NONE else authority
        if not verifies(auth_cred):
            if not shows:
                self._lenient = self._lenient or lenient_context()
                return self._lenient
            context = lenient_context()
        elif authority:
            context = _with_authority(authority) if shows else self._of_authority(authority)
        elif not shows:
            self._verifying = self._verifying or self._make_verifying()
            return self._verifying
        else:
            context = self._make_verifying()
        if shows:
            _load_key(context, certificate, key)
        return context

    def _of_authority(self, authority: str) -> ssl.SSLContext:
        context = self._of_authorities.pop(authority, None) or _with_authority(authority)
        self._of_authorities[authority] = context
        if len(self._of_authorities) > _MOST_AUTHORITIES:
            self._of_authorities.popitem(last=False)
        return context


def _with_authority(authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise LoginImpossible(NO_CREDENTIALS, "ssl_ca_cert holds no certificates in PEM") from error
    return narrowed(context)


def _load_key(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # Python reads them from files only. This one is never on a disk.
    try:
        descriptor = os.memfd_create("vimesh-login", os.MFD_CLOEXEC)
    except OSError as error:
        raise LocalFault(Reason.LOCAL_RESOURCES, "no file in memory can be made") from error
    try:
        os.write(descriptor, f"{certificate}\n{key}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: b"")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise LoginImpossible(NO_CREDENTIALS, "client_cert and client_key do not belong together in PEM") from error
    finally:
        os.close(descriptor)
