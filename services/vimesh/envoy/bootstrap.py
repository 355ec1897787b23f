"""Assembles Envoy's complete configuration as plain data."""

from __future__ import annotations

from vimesh.envoy import listeners
from vimesh.envoy.fleet.cluster_endpoints import hosts_in_file, hosts_of_name, socket_of
from vimesh.envoy.fleet.front_fleet import ClusterHosts, ClusterName, FrontFleet
from vimesh.envoy.fleet.front_security import FrontSecurity
from vimesh.envoy.front_spans import collector
from vimesh.envoy.identity.tls_sockets import towards
from vimesh.envoy.identity.token_issuers import internal_listening, key_clusters, key_listeners
from vimesh.envoy.traffic import clusters
from vimesh.envoy.traffic.overload import overload_manager

BOOTSTRAP_FILE = "bootstrap.yaml"


def endpoint_file(cluster: str) -> str:
    return f"{cluster}.yaml"


def bootstrap(fleet: FrontFleet, directory: str) -> dict[str, object]:
    """Return the bootstrap document. `directory` is where Envoy finds the other files.

    It does not contain the addresses of hosts: these come from the endpoint files, or from name servers, and can change
    without a restart.
    """
    security = fleet.security
    upstream = clusters.conductors(
        _hosts(clusters.CONDUCTORS, fleet.conductors, directory), _socket_to("conductor", "h2", security, directory)
    )
    if fleet.with_api:
        to_api = _socket_to("api", "http/1.1", security, directory)
        upstream.append(clusters.api(_hosts(clusters.API, fleet.api, directory), to_api))
    if fleet.with_console:
        to_console = _socket_to("console", "http/1.1", security, directory)
        upstream.append(clusters.console(_hosts(clusters.CONSOLE, fleet.console, directory), to_console))
    upstream += collector(fleet)
    doors = listeners.doors(fleet, directory)
    keys: dict[str, object] = {}
    if security is not None:
        upstream += key_clusters(security)
        if inside := key_listeners(security):
            doors += inside
            keys = {"bootstrap_extensions": [internal_listening()]}
    return {
        "node": {"id": "front", "cluster": "vimesh"},
        **({} if fleet.admin is None else {"admin": {"address": socket_of(fleet.admin)}}),
        "static_resources": {"listeners": doors, "clusters": upstream},
        **keys,
        "overload_manager": overload_manager(),
    }


def _hosts(service: str, hosts: ClusterHosts, directory: str) -> dict[str, object]:
    if isinstance(hosts, ClusterName):
        return hosts_of_name(service, hosts)
    return hosts_in_file(service, f"{directory}/{endpoint_file(service)}")


def _socket_to(part: str, protocol: str, security: FrontSecurity | None, directory: str) -> dict[str, object]:
    """Return the settings of a cluster of such parts: TLS, unless they are called without."""
    if security is None or not security.tls_to_conductors:
        return {}
    return towards(part, security, directory, protocol)
