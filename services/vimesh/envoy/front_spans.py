"""Lets Envoy make the first span of a call that is traced, and send it to an OpenTelemetry collector."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.fleet.cluster_endpoints import socket_address
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.envoy.vocabulary.extensions import HTTP_OPTIONS, extension, typed

_COLLECTOR: Final = "traces"
_SEND_S: Final = 2.0
_SAMPLERS: Final = "envoy.extensions.tracers.opentelemetry.samplers.v3"


def may_trace(fleet: FrontFleet) -> bool:
    """Return whether any caller of the front may have its calls traced."""
    return fleet.tracing is None or fleet.tracing.callers


def spans(fleet: FrontFleet) -> dict[str, object]:
    """Return what makes a connection manager trace calls."""
    if fleet.tracing is None:
        return {}
    provider = extension(
        "envoy.tracers.opentelemetry",
        "envoy.config.trace.v3.OpenTelemetryConfig",
        grpc_service={"envoy_grpc": {"cluster_name": _COLLECTOR}, "timeout": f"{_SEND_S:g}s"},
        service_name="vimesh-front",
        sampler=_sampler(fleet.tracing.sampling_percent),
    )
    # The sampler is asked about every request. Envoy's own sampling would overrule callers, and a header of its own
    # (client sampling) the fleet file.
    return {"tracing": {"provider": provider, "random_sampling": {"value": 100}, "client_sampling": {"value": 0}}}


def _sampler(percent: float) -> dict[str, object]:
    """Return what decides: the caller, if it says anything about traces, else the lot."""
    lot = extension(
        "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        f"{_SAMPLERS}.TraceIdRatioBasedSamplerConfig",
        sampling_percentage={"numerator": round(percent * 10_000), "denominator": "MILLION"},
    )
    return extension(
        "envoy.tracers.opentelemetry.samplers.parent_based",
        f"{_SAMPLERS}.ParentBasedSamplerConfig",
        wrapped_sampler=lot,
    )


def collector(fleet: FrontFleet) -> list[dict[str, object]]:
    """Return the cluster that takes the spans, if they are sent."""
    if fleet.tracing is None:
        return []
    endpoint = {"endpoint": {"address": socket_address(fleet.tracing.endpoint)}}
    http2: dict[str, object] = {"explicit_http_config": {"http2_protocol_options": {}}}
    return [
        {
            "name": _COLLECTOR,
            "type": "STATIC",
            "connect_timeout": "0.5s",
            "load_assignment": {"cluster_name": _COLLECTOR, "endpoints": [{"lb_endpoints": [endpoint]}]},
            "typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, **http2)},
        }
    ]
