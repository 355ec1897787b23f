"""Checks TLS files when a URL is read: later errors could not tell which file they are about."""

from __future__ import annotations

import ssl

from vimesh.domain.errors import BadSetting
from vimesh.store.transactions.database import SETTING


def require_authorities(name: str, path: str) -> None:
    """Raise BadSetting unless the file contains certificates or revocation lists."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:
        raise BadSetting(SETTING, f"{name}: {path} holds no certificates in PEM form") from error


def require_certificate(name: str, path: str, key_name: str, key_path: str | None, password: str) -> None:
    """Raise BadSetting unless the files contain a certificate and its key."""
    require_authorities(name, path)
    key = f"{key_name}: {key_path}" if key_path else f"{name}: {path}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, key_path, lambda: password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadSetting(SETTING, f"{key} is not the key of {path}") from error
        raise BadSetting(SETTING, f"{key} holds no key in PEM form, or its password is missing or wrong") from error
    except ValueError as error:
        raise BadSetting(SETTING, f"{key} has a password that is too long") from error
