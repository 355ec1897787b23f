"""Checks bearer tokens (JWT), and gets the keys of their issuers: from their servers, or from files.

Envoy reads a file of keys only once, except where it serves the file: so an internal listener does, which is no socket,
and files and servers are treated alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vimesh.envoy.fleet.front_security import FrontSecurity, TokenIssuer
from vimesh.envoy.identity.tls_sockets import tls_of_cluster
from vimesh.envoy.vocabulary.extensions import extension

TOKEN_FILTER: Final = "envoy.filters.http.jwt_authn"  # noqa: S105 - the name of a filter
CLAIMS: Final = "token"
"""The key under which the filter leaves the claims of a token in its metadata."""
_TYPE: Final = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_HTTP: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER: Final = extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router")

KEYS_OF_SERVER_S: Final = 60
KEYS_OF_FILE_S: Final = 10
"""How long keys are used before they are read again. Issuers publish a key long before they sign with it."""
_FETCH_S: Final = 5


def token_filter(security: FrontSecurity) -> dict[str, object]:
    """Return the filter. It refuses tokens that are not valid, and takes them out of requests.

    Requests without one pass: their callers may have certificates.
    """
    names = [_name(number) for number in range(len(security.issuers))]
    any_of = [*({"provider_name": name} for name in names), {"allow_missing": {}}]
    return extension(
        TOKEN_FILTER,
        _TYPE,
        providers={name: _provider(name, each) for name, each in zip(names, security.issuers, strict=True)},
        rules=[{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": any_of}}}],
    )


def key_clusters(security: FrontSecurity) -> list[dict[str, object]]:
    """Return the clusters from which Envoy fetches keys."""
    return [_cluster(_name(number), issuer) for number, issuer in enumerate(security.issuers)]


def key_listeners(security: FrontSecurity) -> list[dict[str, object]]:
    """Return the internal listeners that serve files of keys."""
    return [
        _file_listener(_name(number), issuer.jwks_file)
        for number, issuer in enumerate(security.issuers)
        if issuer.jwks_file is not None
    ]


def internal_listening() -> dict[str, object]:
    """Return the extension of the bootstrap that internal listeners need."""
    name = "envoy.bootstrap.internal_listener"
    return extension(name, "envoy.extensions.bootstrap.internal_listener.v3.InternalListener")


def _name(number: int) -> str:
    return f"keys-{number}"


def _provider(name: str, issuer: TokenIssuer) -> dict[str, object]:
    return {
        "issuer": issuer.issuer,
        "audiences": list(issuer.audiences),
        "require_expiration": True,
        # Not from the query, where tokens would get into logs.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": CLAIMS,
        "remote_jwks": _keys(name, issuer),
    }


def _keys(name: str, issuer: TokenIssuer) -> dict[str, object]:
    limit = f"{_FETCH_S}s"
    if issuer.jwks_uri is None:
        # Without `async_fetch`, which does not reach internal listeners: the call that needs the keys fetches them.
        return {
            "http_uri": {"uri": "http://keys/", "cluster": name, "timeout": limit},
            "cache_duration": f"{KEYS_OF_FILE_S}s",
        }
    return {
        "http_uri": {"uri": issuer.jwks_uri, "cluster": name, "timeout": limit},
        "cache_duration": f"{KEYS_OF_SERVER_S}s",
        # Callers with certificates do not wait for the issuer.
        "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
    }


def _cluster(name: str, issuer: TokenIssuer) -> dict[str, object]:
    if issuer.jwks_uri is None:
        return _to(name, "STATIC", {"envoy_internal_address": {"server_listener_name": name}})
    server = urlsplit(issuer.jwks_uri)
    host = server.hostname or ""
    secure = server.scheme == "https"
    address = {"socket_address": {"address": host, "port_value": server.port or (443 if secure else 80)}}
    # A server may have addresses of both kinds, of which only one is reachable.
    both = {"dns_lookup_family": "ALL"}
    return {**_to(name, "LOGICAL_DNS", address), **both, **(_tls(host, issuer) if secure else {})}


def _to(name: str, kind: str, address: Mapping[str, object]) -> dict[str, object]:
    hosts = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": kind,
        "connect_timeout": f"{_FETCH_S}s",
        "load_assignment": {"cluster_name": name, "endpoints": hosts},
    }


def _tls(host: str, issuer: TokenIssuer) -> dict[str, object]:
    kind = "IP_ADDRESS" if _is_address(host) else "DNS"
    server = {
        "trusted_ca": {"filename": str(issuer.ca)},
        "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": host}}],
    }
    return tls_of_cluster({"validation_context": server}, sni="" if _is_address(host) else host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _file_listener(name: str, path: Path) -> dict[str, object]:
    content = {"filename": str(path), "watched_directory": {"path": str(path.parent)}}
    everything = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": content}}
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        _HTTP,
        stat_prefix=name,
        route_config={"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [everything]}]},
        http_filters=[_ROUTER],
    )
    return {"name": name, "internal_listener": {}, "filter_chains": [{"filters": [manager]}]}
