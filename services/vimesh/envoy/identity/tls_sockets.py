"""Builds the TLS sockets of a secured front, and the files that tell Envoy where certificates are.

Envoy reads a certificate again when its folder gets a new file by a rename, and uses it for the next connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from vimesh.envoy.fleet.front_security import FrontSecurity
from vimesh.envoy.vocabulary.extensions import extension, typed
from vimesh.files.certificate_files import CERTIFICATE, KEY, REVOKED, TRUSTED

CERTIFICATE_FILE: Final = "certificate.yaml"
TRUST_FILE: Final = "trust.yaml"
HANDSHAKE_S: Final = 10.0
"""How long a caller may take for the TLS handshake."""
CONNECTION_S: Final = 3600.0
"""How long a connection takes calls; it ends with the last of its streams. A certificate is checked when a connection
begins: a revoked one is of use no longer than this."""

_TLS: Final = "envoy.extensions.transport_sockets.tls.v3"
_SOCKET: Final = "envoy.transport_sockets.tls"
_CERTIFICATE: Final = "front"
_TRUST: Final = "trust"
_OLDEST: Final = {"tls_minimum_protocol_version": "TLSv1_2"}


def towards_callers(directory: str, *, certificate_required: bool) -> dict[str, object]:
    """Return the settings of a filter chain that takes TLS. A certificate that is shown must be valid."""
    socket = extension(
        _SOCKET,
        f"{_TLS}.DownstreamTlsContext",
        require_client_certificate=certificate_required,
        # A resumed session would skip the check of the certificate: it may have been revoked since.
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
        common_tls_context={
            "tls_params": _OLDEST,
            "alpn_protocols": ["h2", "http/1.1"],
            **_own_certificate(directory),
            "validation_context_sds_secret_config": _secret(_TRUST, f"{directory}/{TRUST_FILE}"),
        },
    )
    return {"transport_socket": socket, "transport_socket_connect_timeout": f"{HANDSHAKE_S:g}s"}


def towards(part: str, security: FrontSecurity, directory: str, protocol: str) -> dict[str, object]:
    """Return the settings of a cluster whose hosts must be `part`s of this fleet. They want to know who calls, too."""
    prefixes = (f"spiffe://{domain}/{part}/" for domain in security.trust_domains)
    context = {
        "tls_params": _OLDEST,
        "alpn_protocols": [protocol],
        **_own_certificate(directory),
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"prefix": each}} for each in prefixes]
            },
            "validation_context_sds_secret_config": _secret(_TRUST, f"{directory}/{TRUST_FILE}"),
        },
    }
    return tls_of_cluster(context)


def tls_of_cluster(context: Mapping[str, object], sni: str = "") -> dict[str, object]:
    """Return the settings of a cluster whose hosts are called by TLS."""
    name = {"sni": sni} if sni else {}
    return {"transport_socket": extension(_SOCKET, f"{_TLS}.UpstreamTlsContext", **name, common_tls_context=context)}


def secret_files(security: FrontSecurity) -> Iterable[tuple[str, dict[str, object]]]:
    """Return the names and contents of the files that the sockets refer to."""
    certificate = {
        "certificate_chain": _file(security.certificate / CERTIFICATE),
        "private_key": _file(security.certificate / KEY),
        "watched_directory": {"path": str(security.certificate)},
    }
    revoked = {"crl": _file(security.trust / REVOKED), "only_verify_leaf_cert_crl": True}
    trust = {
        "trusted_ca": _file(security.trust / TRUSTED),
        **(revoked if security.revocation_list else {}),
        "watched_directory": {"path": str(security.trust)},
    }
    yield CERTIFICATE_FILE, _secret_document(_CERTIFICATE, tls_certificate=certificate)
    yield TRUST_FILE, _secret_document(_TRUST, validation_context=trust)


def _own_certificate(directory: str) -> dict[str, object]:
    return {"tls_certificate_sds_secret_configs": [_secret(_CERTIFICATE, f"{directory}/{CERTIFICATE_FILE}")]}


def _secret(name: str, path: str) -> dict[str, object]:
    return {"name": name, "sds_config": {"path_config_source": {"path": path}, "resource_api_version": "V3"}}


def _secret_document(name: str, **content: object) -> dict[str, object]:
    return {"resources": [typed(f"{_TLS}.Secret", name=name, **content)]}


def _file(path: Path) -> dict[str, object]:
    return {"filename": str(path)}
