"""Who is in a cluster: the document that Envoy reads again whenever it is replaced."""

from __future__ import annotations

from collections.abc import Iterable

from vimesh.envoy.fleet import Address


def socket_address(address: Address) -> dict[str, object]:
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def endpoints(cluster: str, addresses: Iterable[Address]) -> dict[str, object]:
    """Return the endpoint discovery (EDS) document of a cluster. Without addresses it has no hosts."""
    hosts = [{"endpoint": {"address": socket_address(address)}} for address in addresses]
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": hosts}],
    }
    return {"resources": [assignment]}
