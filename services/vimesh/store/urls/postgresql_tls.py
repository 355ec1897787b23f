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
            return {"ssl": self._of_the_system()}
        return {"dsn": f"postgresql://?{urlencode(self.parameters)}"} if self.parameters else {}

    def _of_the_system(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if certificate := self.certificate:
            password = self.parameters.get("sslpassword", "")
            context.load_cert_chain(certificate, self.parameters.get("sslkey"), lambda: password)
        for bound in ("minimum", "maximum"):
            if version := self.parameters.get(f"ssl_{bound[:3]}_protocol_version"):
                setattr(context, f"{bound}_version", ssl.TLSVersion[version.replace(".", "_")])
        return context


def postgresql_tls(given: UrlParameters) -> PostgresqlTls:
    """Read the TLS parameters. Raises BadSetting, also for files without certificates."""
    if given.text("ssl") and given.text("sslmode"):
        raise BadSetting(SETTING, "has ssl and sslmode, which are the same; leave one out")
    authorities = given.text("sslrootcert") if given.text("sslrootcert") == _SYSTEM else given.file("sslrootcert")
    found = {
        "sslmode": given.word("ssl", _MODES) or given.word("sslmode", _MODES),
        "sslrootcert": authorities,
        **{name: given.file(name) for name in ("sslcert", "sslkey", "sslcrl")},
        "sslpassword": given.text("sslpassword"),
        "sslnegotiation": given.word("sslnegotiation", ("postgres", "direct")),
        **{name: given.word(name, _VERSIONS) for name in ("ssl_min_protocol_version", "ssl_max_protocol_version")},
    }
    found = {name: value for name, value in found.items() if value}
    _require_consistent(found)
    return PostgresqlTls(found)


def _require_consistent(found: Mapping[str, str]) -> None:
    mode = found.get("sslmode", "")
    if found.get("sslrootcert") == _SYSTEM:
        if mode != "verify-full":
            raise BadSetting(
                SETTING, "sslrootcert=system needs sslmode=verify-full: anybody can have such a certificate"
            )
    elif "sslrootcert" in found:
        require_authorities("sslrootcert", found["sslrootcert"])
    if "sslcrl" in found:
        require_authorities("sslcrl", found["sslcrl"])
    if "sslcert" in found:
        require_certificate("sslcert", found["sslcert"], "sslkey", found.get("sslkey"), found.get("sslpassword", ""))
    elif "sslkey" in found:
        raise BadSetting(SETTING, "sslkey needs sslcert: a key without its certificate is not used")
    if found.get("sslnegotiation") == "direct" and mode not in {"require", "verify-ca", "verify-full"}:
        raise BadSetting(SETTING, "sslnegotiation=direct needs sslmode=require, verify-ca or verify-full")
