"""Builds the document that lists the hosts of a cluster; Envoy reads it again whenever it is replaced."""

from __future__ import annotations

from collections.abc import Iterable

from vimesh.envoy.fleet.front_fleet import ClusterHost, Door, ListenAddress

OVERPROVISIONING_PERCENT = 400
"""The share of the load that each host can carry, relative to its usual share: as long as one host in four is healthy,
the healthy ones can carry everything, and hosts that fail their checks get no calls, whatever the panic threshold."""


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
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": _endpoint(host)} for host in hosts]}],
        "policy": {"overprovisioning_factor": OVERPROVISIONING_PERCENT},
    }
    return {"resources": [assignment]}


def _endpoint(host: ClusterHost) -> dict[str, object]:
    checks = {} if host.health is None else {"health_check_config": _health_check(host.address, host.health)}
    return {"address": _address_of(host.address), **checks}


def _health_check(serving: Door, health: Door) -> dict[str, object]:
    if isinstance(serving, ListenAddress) and isinstance(health, ListenAddress) and health.host == serving.host:
        return {"port_value": health.port}
    return {"address": _address_of(health)}
