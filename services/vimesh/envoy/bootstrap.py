"""Assembles Envoy's complete configuration as plain data."""

from __future__ import annotations

from vimesh.envoy import listeners
from vimesh.envoy.fleet.cluster_endpoints import socket_of
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.envoy.traffic import clusters
from vimesh.envoy.traffic.overload import overload_manager

BOOTSTRAP_FILE = "bootstrap.yaml"
DESCRIPTOR_FILE = "contract.binpb"


def endpoint_file(cluster: str) -> str:
    return f"{cluster}.yaml"


def bootstrap(fleet: FrontFleet, directory: str) -> dict[str, object]:
    """Return the bootstrap document. `directory` is where Envoy finds the other files.

    It does not contain the hosts of the clusters: these come from the endpoint files, and can change without a restart.
    """
    upstream = clusters.conductors(f"{directory}/{endpoint_file(clusters.CONDUCTORS)}")
    if fleet.with_api:
        upstream.append(clusters.api(f"{directory}/{endpoint_file(clusters.API)}"))
    return {
        "node": {"id": "front", "cluster": "vimesh"},
        **({} if fleet.admin is None else {"admin": {"address": socket_of(fleet.admin)}}),
        "static_resources": {
            "listeners": listeners.doors(fleet, f"{directory}/{DESCRIPTOR_FILE}"),
            "clusters": upstream,
        },
        "overload_manager": overload_manager(),
    }
