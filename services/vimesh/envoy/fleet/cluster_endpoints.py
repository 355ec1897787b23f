"""Who is in a cluster: the document that Envoy reads again whenever it is replaced."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vimesh.envoy.fleet.front_fleet import ClusterHost, ListenAddress

OVERPROVISIONING_PERCENT = 400
"""How much of its usual share each host can carry: while they can bear all, one in four is enough to keep calls away
from hosts that fail their checks, whatever the panic threshold says."""


def socket_address(address: ListenAddress) -> dict[str, object]:
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def socket_of(door: ListenAddress | Path) -> dict[str, object]:
    """Return where to listen. Of a unix socket only the owner may use it: who reaches it is believed."""
    return socket_address(door) if isinstance(door, ListenAddress) else {"pipe": {"path": str(door), "mode": 0o600}}


def endpoints(cluster: str, hosts: Iterable[ClusterHost]) -> dict[str, object]:
    """Return the endpoint discovery (EDS) document of a cluster. Without hosts nobody is in it."""
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": _endpoint(host)} for host in hosts]}],
        "policy": {"overprovisioning_factor": OVERPROVISIONING_PERCENT},
    }
    return {"resources": [assignment]}


def _endpoint(host: ClusterHost) -> dict[str, object]:
    checks = {} if host.health_port is None else {"health_check_config": {"port_value": host.health_port}}
    return {"address": socket_address(host.address), **checks}
