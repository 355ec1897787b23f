"""Builds what tells Envoy the hosts of a cluster: a document that it reads whenever it is replaced, or a name."""

from __future__ import annotations

from collections.abc import Iterable

from vimesh.envoy.fleet.front_fleet import ClusterHost, ClusterName, Door, ListenAddress

OVERPROVISIONING_PERCENT = 400
"""The share of the load that each host can carry, relative to its usual share: as long as one host in four is healthy,
the healthy ones can carry everything, and hosts that fail their checks get no calls, whatever the panic threshold."""

_LOOK_UP_EVERY = "5s"
"""The time for which CoreDNS lets others keep the addresses of a Service."""


def socket_address(address: ListenAddress) -> dict[str, object]:
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def socket_of(door: Door) -> dict[str, object]:
    """Return the address to listen on. Only the owner may use a unix socket, because its callers are trusted."""
    return socket_address(door) if isinstance(door, ListenAddress) else {"pipe": {"path": str(door), "mode": 0o600}}


def _address_of(door: Door) -> dict[str, object]:
    """Return the address to connect to."""
    return socket_address(door) if isinstance(door, ListenAddress) else {"pipe": {"path": str(door)}}


def endpoints(cluster: str, hosts: Iterable[ClusterHost]) -> dict[str, object]:
    """Return the endpoint discovery (EDS) document of a cluster, which may be empty."""
    kind = {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"}
    return {"resources": [{**kind, **_assignment(cluster, [_endpoint(host) for host in hosts])}]}


def hosts_in_file(cluster: str, path: str) -> dict[str, object]:
    """Return the settings of a cluster whose hosts are in such a document."""
    config = {"path_config_source": {"path": path}, "resource_api_version": "V3"}
    return {"type": "EDS", "eds_cluster_config": {"service_name": cluster, "eds_config": config}}


def hosts_of_name(cluster: str, named: ClusterName) -> dict[str, object]:
    """Return the settings of a cluster whose hosts are all addresses of a name.

    IPv6 counts only if there is no IPv4: with both, each process would be two hosts.
    """
    checks = {} if named.health_port is None else {"health_check_config": {"port_value": named.health_port}}
    endpoint = {"address": {"socket_address": {"address": named.name, "port_value": named.port}}, **checks}
    return {
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "dns_refresh_rate": _LOOK_UP_EVERY,
        "load_assignment": _assignment(cluster, [endpoint]),
    }


def _assignment(cluster: str, hosts: Iterable[dict[str, object]]) -> dict[str, object]:
    return {
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": host} for host in hosts]}],
        "policy": {"overprovisioning_factor": OVERPROVISIONING_PERCENT},
    }


def _endpoint(host: ClusterHost) -> dict[str, object]:
    checks = {} if host.health is None else {"health_check_config": _health_check(host.address, host.health)}
    return {"address": _address_of(host.address), **checks}


def _health_check(serving: Door, health: Door) -> dict[str, object]:
    if isinstance(serving, ListenAddress) and isinstance(health, ListenAddress) and health.host == serving.host:
        return {"port_value": health.port}
    return {"address": _address_of(health)}
