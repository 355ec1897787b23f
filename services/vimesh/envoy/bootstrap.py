"""The whole of Envoy's configuration as plain data."""

from __future__ import annotations

from pathlib import Path

from vimesh.envoy import clusters, listeners
from vimesh.envoy.endpoints import socket_address
from vimesh.envoy.fleet import Address, Fleet
from vimesh.envoy.typed import extension

BOOTSTRAP_FILE = "bootstrap.yaml"
DESCRIPTOR_FILE = "contract.binpb"

MAX_HEAP_BYTES = 1024 * 1024 * 1024
MAX_CONNECTIONS = 10000


def endpoint_file(cluster: str) -> str:
    return f"{cluster}.yaml"


def bootstrap(fleet: Fleet, directory: str) -> dict[str, object]:
    """Return the bootstrap document. `directory` is where Envoy finds the other files.

    The hosts of the clusters are not in it: they come from the endpoint files, and change without a restart.
    """
    known = [clusters.conductors(f"{directory}/{endpoint_file(clusters.CONDUCTORS)}")]
    if fleet.with_api:
        known.append(clusters.api(f"{directory}/{endpoint_file(clusters.API)}"))
    return {
        "node": {"id": "front", "cluster": "vimesh"},
        **({} if fleet.admin is None else {"admin": {"address": _admin(fleet.admin)}}),
        "static_resources": {
            "listeners": [listeners.front(fleet, f"{directory}/{DESCRIPTOR_FILE}")],
            "clusters": known,
        },
        "overload_manager": _overload(),
    }


def _admin(admin: Address | Path) -> dict[str, object]:
    if isinstance(admin, Address):
        return socket_address(admin)
    # 0o600: who reaches the socket can stop Envoy.
    return {"pipe": {"path": str(admin), "mode": 0o600}}


def _overload() -> dict[str, object]:
    """Refuse calls before the memory is gone, and connections before the file descriptors are."""
    resources = "envoy.extensions.resource_monitors"
    heap = "envoy.resource_monitors.fixed_heap"
    connections = "envoy.resource_monitors.global_downstream_max_connections"
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(heap, f"{resources}.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=MAX_HEAP_BYTES),
            extension(
                connections,
                f"{resources}.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=MAX_CONNECTIONS,
            ),
        ],
        "actions": [
            _action("envoy.overload_actions.shrink_heap", heap, 0.9),
            _action("envoy.overload_actions.stop_accepting_requests", heap, 0.95),
        ],
    }


def _action(name: str, resource: str, above: float) -> dict[str, object]:
    return {"name": name, "triggers": [{"name": resource, "threshold": {"value": above}}]}
