"""Sets up TLS to the broker: which certificates to trust, and which one to present."""

from __future__ import annotations

import ssl
from pathlib import Path

from vimesh.bridge.config.rabbit_options import RabbitOptions

_VERSIONS = {
    "": None,
    "sslv23": None,  # an old name for the default: the newest version that both sides support
    "tlsv1_2": ssl.TLSVersion.TLSv1_2,
    "tlsv1_3": ssl.TLSVersion.TLSv1_3,
}


def tls_context(options: RabbitOptions) -> ssl.SSLContext | None:
    """Return the context for a connection; None without TLS. Raises ValueError, which names the option."""
    # Read again for each connection: certificates are renewed while the bridge runs.
    if not options.ssl:
        return None
    version = _version(options.ssl_version)
    context = _trusting(options.ssl_ca_file)
    if options.ssl_cert_file or options.ssl_key_file:
        _show_certificate(context, options)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def _version(text: str) -> ssl.TLSVersion | None:
    if text.lower() not in _VERSIONS:
        raise ValueError(f"ssl_version {text!r} is not offered; leave it empty, or write TLSv1_2 or TLSv1_3")
    return _VERSIONS[text.lower()]


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError:
        raise ValueError(f"ssl_ca_file {ca_file} holds no certificates in PEM format") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"ssl_ca_file {ca_file} cannot be read: {_cause(error)}") from None


def _show_certificate(context: ssl.SSLContext, options: RabbitOptions) -> None:
    if not options.ssl_cert_file:
        raise ValueError("ssl_key_file needs ssl_cert_file")
    for name, file in (("ssl_cert_file", options.ssl_cert_file), ("ssl_key_file", options.ssl_key_file)):
        try:
            if file:
                Path(file).open("rb").close()
        except (OSError, ValueError) as error:
            raise ValueError(f"{name} {file} cannot be read: {_cause(error)}") from None
    try:
        # Without a callback, OpenSSL would ask for a key's password on the terminal.
        context.load_cert_chain(options.ssl_cert_file, options.ssl_key_file or None, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        what = getattr(error, "reason", None) or "the key has a password"
        key_file = options.ssl_key_file or options.ssl_cert_file
        raise ValueError(f"ssl_cert_file {options.ssl_cert_file}, ssl_key_file {key_file}: {what}") from None


def _no_password() -> str:
    return ""


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
