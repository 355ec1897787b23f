"""Reads the TLS parameters of libpq for PostgreSQL."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from vimesh.domain.errors import BadSetting
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.tls_files import require_authorities, require_certificate
from vimesh.store.urls.url_parameters import UrlParameters

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_SYSTEM: Final = "system"


@dataclass(frozen=True, slots=True)
class PostgresqlTls:
    parameters: Mapping[str, str] = field(repr=False)
    """Parameters by their libpq names; the password of a key may be one of them."""

    @property
    def certificate(self) -> str:
        return self.parameters.get("sslcert", "")

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for the driver. Reads the files each time, since certificates get replaced.

        Raises OSError.
        """
        if self.parameters.get("sslrootcert") == _SYSTEM:
            return {"ssl": self._system_context()}
        return {"dsn": f"postgresql://?{urlencode(self.parameters)}"} if self.parameters else {}

    def _system_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if certificate := self.certificate:
            password = self.parameters.get("sslpassword", "")
            context.load_cert_chain(certificate, self.parameters.get("sslkey"), lambda: password)
        for bound in ("minimum", "maximum"):
            if version := self.parameters.get(f"ssl_{bound[:3]}_protocol_version"):
                setattr(context, f"{bound}_version", ssl.TLSVersion[version.replace(".", "_")])
        return context


def postgresql_tls(parameters: UrlParameters) -> PostgresqlTls:
    """Read the TLS parameters. Raises BadSetting, also for files without certificates."""
    if parameters.text("ssl") and parameters.text("sslmode"):
        raise BadSetting(SETTING, "has ssl and sslmode, which are the same; leave one out")
    authorities = (
        parameters.text("sslrootcert") if parameters.text("sslrootcert") == _SYSTEM else parameters.file("sslrootcert")
    )
    tls_parameters = {
        "sslmode": parameters.word("ssl", _MODES) or parameters.word("sslmode", _MODES),
        "sslrootcert": authorities,
        **{name: parameters.file(name) for name in ("sslcert", "sslkey", "sslcrl")},
        "sslpassword": parameters.text("sslpassword"),
        "sslnegotiation": parameters.word("sslnegotiation", ("postgres", "direct")),
        **{name: parameters.word(name, _VERSIONS) for name in ("ssl_min_protocol_version", "ssl_max_protocol_version")},
    }
    tls_parameters = {name: value for name, value in tls_parameters.items() if value}
    _require_consistent(tls_parameters)
    return PostgresqlTls(tls_parameters)


def _require_consistent(tls_parameters: Mapping[str, str]) -> None:
    mode = tls_parameters.get("sslmode", "")
    if tls_parameters.get("sslrootcert") == _SYSTEM:
        if mode != "verify-full":
            raise BadSetting(
                SETTING, "sslrootcert=system needs sslmode=verify-full: anybody can have such a certificate"
            )
    elif "sslrootcert" in tls_parameters:
        require_authorities("sslrootcert", tls_parameters["sslrootcert"])
    if "sslcrl" in tls_parameters:
        require_authorities("sslcrl", tls_parameters["sslcrl"])
    if "sslcert" in tls_parameters:
        require_certificate(
            "sslcert",
            tls_parameters["sslcert"],
            "sslkey",
            tls_parameters.get("sslkey"),
            tls_parameters.get("sslpassword", ""),
        )
    elif "sslkey" in tls_parameters:
        raise BadSetting(SETTING, "sslkey needs sslcert: a key without its certificate is not used")
    if tls_parameters.get("sslnegotiation") == "direct" and mode not in {"require", "verify-ca", "verify-full"}:
        raise BadSetting(SETTING, "sslnegotiation=direct needs sslmode=require, verify-ca or verify-full")
