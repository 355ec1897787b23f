"""Builds the routes: where each call goes, how long it may take and whether Envoy may retry it."""

from __future__ import annotations

from vimesh.envoy.callers.host_names import other_hosts
from vimesh.envoy.callers.page_origins import preflights, strangers
from vimesh.envoy.doors.connect_protocol import connect_route
from vimesh.envoy.doors.console_door import console_routes
from vimesh.envoy.doors.json_door import description_routes, json_routes, no_json
from vimesh.envoy.doors.readiness import live
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.envoy.refusals.refusal_routes import Route, to_nowhere, unreadable
from vimesh.envoy.traffic import clusters
from vimesh.envoy.traffic.opening_rate import of_watches
from vimesh.envoy.traffic.retries import repeatable as again
from vimesh.envoy.traffic.retries import untouched_only as untouched
from vimesh.envoy.vocabulary.extensions import GRPC_CONTENT, typed
from vimesh.envoy.vocabulary.request_headers import drop_grpc
from vimesh.rpc.rpc_table import (
    ACCESS_SERVICE,
    AVAILABILITY_SERVICE,
    CHANGE_S,
    COMMON_RPCS,
    CONDUCTOR_SERVICE,
    FLEET_SERVICE,
    HISTORY_SERVICE,
    MAINTENANCE_SERVICE,
    NOTIFIER_SERVICE,
    RECEIVER_SERVICE,
    RPCS,
    VIM_SERVICE,
    WORKFLOW_SERVICE,
    Rpc,
    TrafficClass,
)

API_S = 60.0
IDLE_S = 60.0
"""A watch sends a message every few seconds; one that is silent for this long is dead."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Maximum size of a gRPC request; the conductor refuses larger ones itself."""
_RETRIED_BYTES = MAX_MESSAGE_BYTES + 65536
"""A call can only be retried while its request is buffered."""
MAX_JSON_BYTES = 512 * 1024
"""Maximum size of a JSON request: it costs a conductor many times as much as a message of the same length."""
MAX_PAGE_REQUEST_BYTES = 1024
"""Maximum size of what comes with a request for a page, where nobody reads it."""

BODY_LIMIT = "envoy.filters.http.buffer"
BUFFER = "envoy.extensions.filters.http.buffer.v3.Buffer"


_UNREAD = ["user-agent", "x-envoy-external-address", "x-forwarded-proto"]
"""Headers that no conductor reads, and that it would have to turn into objects of Python for each call."""


def routes(fleet: FrontFleet, directory: str) -> list[Route]:
    """Return all routes; the first that matches wins. `directory` is where Envoy finds its files."""
    return [
        *unreadable(),
        *other_hosts(fleet.hosts),
        *strangers(fleet.origins),
        *preflights(fleet.origins),
        *_of_service(ACCESS_SERVICE, TrafficClass.READS),
        *_of_service(CONDUCTOR_SERVICE, TrafficClass.MONITORS),
        *_of_service(AVAILABILITY_SERVICE, TrafficClass.LISTS),
        *_of_service(FLEET_SERVICE, TrafficClass.MONITORS),
        *_of_service(HISTORY_SERVICE, TrafficClass.MONITORS),
        *_of_service(MAINTENANCE_SERVICE, TrafficClass.CHANGES),
        *_of_service(NOTIFIER_SERVICE, TrafficClass.MONITORS),
        *_of_service(RECEIVER_SERVICE, TrafficClass.CHANGES),
        *_of_service(VIM_SERVICE, TrafficClass.CHANGES),
        *_of_service(WORKFLOW_SERVICE, TrafficClass.MONITORS),
        *(_route("path", rpc) for rpc in COMMON_RPCS),
        live(),
        *([connect_route()] if fleet.connect else []),
        *json_routes(),
        *description_routes(directory),
        *(console_routes(_body_limit(MAX_PAGE_REQUEST_BYTES)) if fleet.with_console else []),
        *no_json(),
        *([_api()] if fleet.with_api else []),
        _nothing(),
    ]


def _of_service(service: str, others: TrafficClass) -> list[Route]:
    """Return the routes of a service. Its last route takes calls of the class `others`, and those of later versions."""
    rest = Rpc(service, "", others, CHANGE_S)
    own = (rpc for rpc in RPCS if rpc.service == service and not _same_route(rpc, rest))
    return [*(_route("path", rpc) for rpc in own), _route("prefix", rest)]


def _same_route(rpc: Rpc, rest: Rpc) -> bool:
    return (rpc.traffic, rpc.time_limit_s, rpc.repeatable) == (rest.traffic, rest.time_limit_s, rest.repeatable)


def _route(kind: str, rpc: Rpc) -> Route:
    route = (
        _stream(kind, rpc)
        if rpc.time_limit_s is None
        else _call(kind, rpc.path, rpc.traffic, rpc.time_limit_s, again() if rpc.repeatable else untouched())
    )
    return {**route, "request_headers_to_remove": _UNREAD}


def _call(kind: str, path: str, traffic: TrafficClass, timeout_s: float, retry: dict[str, object]) -> Route:
    return {
        "match": {kind: path, "headers": [GRPC_CONTENT]},
        "route": {
            "cluster": traffic.value,
            "timeout": f"{timeout_s:g}s",
            # A caller's shorter deadline frees the stream early; a longer one is cut to the timeout of the route.
            "max_stream_duration": {"grpc_timeout_header_max": f"{timeout_s:g}s"},
            "retry_policy": retry,
        },
        "request_body_buffer_limit": _RETRIED_BYTES,
    }


def _stream(kind: str, rpc: Rpc) -> Route:
    return {
        "match": {kind: rpc.path, "headers": [GRPC_CONTENT]},
        "route": {
            "cluster": rpc.traffic.value,
            "timeout": "0s",
            "idle_timeout": f"{IDLE_S:g}s",
            # The caller's deadline, without an upper limit.
            "max_stream_duration": {"grpc_timeout_header_max": "0s"},
            # Retries end with the first response: a stream that has started is never retried.
            "retry_policy": again() if rpc.repeatable else untouched(),
        },
        **({"request_body_buffer_limit": _RETRIED_BYTES} if rpc.repeatable else {}),
        **({"typed_per_filter_config": of_watches()} if rpc.traffic is TrafficClass.WATCHES else {}),
    }


def _api() -> Route:
    return {
        "match": {"prefix": "/v1.0/"},
        "route": {"cluster": clusters.API, "timeout": f"{API_S:g}s", "retry_policy": untouched()},
        "typed_per_filter_config": _json_limit(),
    }


def _nothing() -> Route:
    """Answer 404 (local_replies.py). JSON requests match this route too, until the transcoder turns them into calls.

    It leads to a cluster that does not exist, because the CORS filter grants a page nothing on a direct response.
    """
    return {
        "match": {"prefix": "/"},
        "route": to_nowhere(),
        "typed_per_filter_config": {**_json_limit(), **drop_grpc()},
    }


def _json_limit() -> dict[str, object]:
    return _body_limit(MAX_JSON_BYTES)


def _body_limit(max_bytes: int) -> dict[str, object]:
    return {BODY_LIMIT: typed(BUFFER + "PerRoute", buffer={"max_request_bytes": max_bytes})}
