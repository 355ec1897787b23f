"""Defines what Envoy sheds, and in which order, before it runs out of memory or file descriptors."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension

MAX_HEAP_BYTES: Final = 1024 * 1024 * 1024
MAX_FRONT_CONNECTIONS: Final = 9_000
MAX_REPORTS_CONNECTIONS: Final = 6_000
"""Each action of a fleet may report over its own connection."""
MAX_CONNECTIONS: Final = MAX_FRONT_CONNECTIONS + MAX_REPORTS_CONNECTIONS
"""The sum of both, so that the listeners cannot take connections from each other. Envoy needs 20,000 file descriptors
for it."""

_RESOURCES: Final = "envoy.extensions.resource_monitors"
_HEAP: Final = "envoy.resource_monitors.fixed_heap"
_CONNECTIONS: Final = "envoy.resource_monitors.global_downstream_max_connections"
_ACTION: Final = "envoy.overload_actions."
# The memory that a stream holds is tracked from 1 MiB on.
_TRACKED_POWER_OF_TWO: Final = 20


def overload_manager() -> dict[str, object]:
    return {
        "refresh_interval": "0.25s",
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": _TRACKED_POWER_OF_TWO},
        "resource_monitors": [
            extension(_HEAP, f"{_RESOURCES}.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=MAX_HEAP_BYTES),
            extension(
                _CONNECTIONS,
                f"{_RESOURCES}.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=MAX_CONNECTIONS,
            ),
        ],
        "actions": [
            # Idle connections go first, then the streams that hold the most memory; finally all requests are refused.
            _idle_connections_sooner(),
            {"name": f"{_ACTION}shrink_heap", "triggers": [_above(0.9)]},
            {"name": f"{_ACTION}reset_high_memory_stream", "triggers": [_between(0.9, 0.97)]},
            {"name": f"{_ACTION}stop_accepting_requests", "triggers": [_above(0.95)]},
        ],
    }


def connection_limit(door: str, max_connections: int) -> dict[str, object]:
    """Return the filter that closes connections above the limit of their listener at once."""
    return extension(
        "envoy.filters.network.connection_limit",
        "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
        stat_prefix=door,
        max_connections=max_connections,
    )


def _idle_connections_sooner() -> dict[str, object]:
    return {
        **extension(
            f"{_ACTION}reduce_timeouts",
            "envoy.config.overload.v3.ScaleTimersOverloadActionConfig",
            timer_scale_factors=[{"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "2s"}],
        ),
        "triggers": [_between(0.8, 0.95)],
    }


def _above(value: float) -> dict[str, object]:
    return {"name": _HEAP, "threshold": {"value": value}}


def _between(begin: float, full: float) -> dict[str, object]:
    return {"name": _HEAP, "scaled": {"scaling_threshold": begin, "saturation_threshold": full}}
