"""Reads the TLS parameters of the drivers and clients of MariaDB and MySQL."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vimesh.domain.errors import BadSetting
from vimesh.store.dialects.mysql.mysql_option_file import MysqlOptions
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.tls_files import require_authorities, require_certificate
from vimesh.store.urls.url_parameters import UrlParameters, require_readable

_MODES: Final = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")


@dataclass(frozen=True, slots=True)
class MysqlTls:
    mode: str
    """One of the values of MySQL's `--ssl-mode`."""
    ca: str = ""
    capath: str = ""
    cert: str = ""
    key: str = ""
    key_password: str = field(default="", repr=False)
    cipher: str = ""

    def context(self, *, by_socket: bool) -> ssl.SSLContext | None:
        """Return the TLS context, or None without TLS. Reads the files each time, since certificates get replaced.

        Raises OSError.
        """
        if self.mode == "DISABLED":
            return None
        context = ssl.create_default_context(cafile=self.ca or None, capath=self.capath or None)
        # A Unix socket has no host name that a certificate could contain.
        context.check_hostname = self.mode == "VERIFY_IDENTITY" and not by_socket
        if not self.mode.startswith("VERIFY"):
            context.verify_mode = ssl.CERT_NONE
        if self.cert:
            context.load_cert_chain(self.cert, self.key or None, lambda: self.key_password)
        if self.cipher:
            context.set_ciphers(self.cipher)
        return context


def mysql_tls(parameters: UrlParameters, options: MysqlOptions) -> MysqlTls:
    """Read the TLS parameters. Raises BadSetting, also for files without certificates."""
    tls = MysqlTls(
        mode=_mode(parameters, options),
        ca=parameters.file("ssl_ca") or options.get("ssl_ca"),
        capath=parameters.text("ssl_capath") or options.get("ssl_capath"),
        cert=parameters.file("ssl_cert") or options.get("ssl_cert"),
        key=parameters.file("ssl_key") or options.get("ssl_key"),
        key_password=parameters.text("ssl_key_password"),
        cipher=parameters.text("ssl_cipher") or options.get("ssl_cipher"),
    )
    _require_usable(tls)
    return tls


def _mode(parameters: UrlParameters, options: MysqlOptions) -> str:
    """Return the mode that several parameters mean together: different drivers use different ones."""
    if mode := parameters.word("ssl_mode", (*_MODES, *map(str.lower, _MODES))):
        return mode.upper()
    if parameters.flag("ssl_disabled") or parameters.flag("ssl") is False:
        return "DISABLED"
    has_authorities = any(parameters.text(name) or options.get(name) for name in ("ssl_ca", "ssl_capath"))
    checks_certificate, checks_name = parameters.flag("ssl_verify_cert"), parameters.flag("ssl_verify_identity")
    other_names = parameters.flag("ssl_check_hostname") is False or checks_name is False
    if checks_name or checks_certificate or (has_authorities and checks_certificate is None):
        return "VERIFY_CA" if other_names else "VERIFY_IDENTITY"
    has_client_option = any(
        parameters.text(name) or options.get(name) for name in ("ssl_cert", "ssl_key", "ssl_cipher")
    )
    return (
        "REQUIRED"
        if has_client_option or has_authorities or parameters.flag("ssl") or options.has("ssl")
        else "DISABLED"
    )


def _require_usable(tls: MysqlTls) -> None:
    if tls.ca:
        require_readable("ssl_ca", tls.ca)
        require_authorities("ssl_ca", tls.ca)
    if tls.capath and not Path(tls.capath).is_dir():
        raise BadSetting(SETTING, f"ssl_capath: there is no folder {tls.capath}")
    if tls.cert:
        require_readable("ssl_cert", tls.cert)
        require_certificate("ssl_cert", tls.cert, "ssl_key", tls.key or None, tls.key_password)
    elif tls.key:
        raise BadSetting(SETTING, "ssl_key needs ssl_cert: a key without its certificate is not used")
    if tls.cipher:
        try:
            ssl.create_default_context().set_ciphers(tls.cipher)
        except ssl.SSLError as error:
            raise BadSetting(SETTING, "ssl_cipher names no cipher that OpenSSL has") from error
