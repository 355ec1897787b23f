"""Builds the routes: where each call goes, how long it may take and whether Envoy may retry it."""

from __future__ import annotations

from vimesh.envoy.callers.host_names import other_hosts
from vimesh.envoy.callers.page_origins import preflights, strangers
from vimesh.envoy.doors.connect_protocol import connect_route
from vimesh.envoy.doors.json_door import json_routes, no_json
from vimesh.envoy.doors.readiness import live
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.envoy.refusals.refusal_routes import Route, to_nowhere, unreadable
from vimesh.envoy.traffic import clusters
from vimesh.envoy.traffic.call_classes import CHANGES, LISTS, MONITORS, READS, REPORTS, WATCHES, CallClass
from vimesh.envoy.traffic.opening_rate import of_watches
from vimesh.envoy.traffic.retries import repeatable as again
from vimesh.envoy.traffic.retries import untouched_only as untouched
from vimesh.envoy.vocabulary.extensions import GRPC_CONTENT, typed
from vimesh.envoy.vocabulary.request_headers import drop_grpc

REPORT_S = 10.0
READ_S = 15.0
CHANGE_S = 15.0
API_S = 60.0
IDLE_S = 60.0
"""A watch sends a message every few seconds; one that is silent for this long is dead."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Maximum size of a gRPC request; the conductor refuses larger ones itself."""
MAX_JSON_BYTES = 512 * 1024
"""Maximum size of a JSON request: it costs a conductor many times as much as a message of the same length."""

BODY_LIMIT = "envoy.filters.http.buffer"
BUFFER = "envoy.extensions.filters.http.buffer.v3.Buffer"


def routes(fleet: FrontFleet) -> list[Route]:
    """Return all routes; the first that matches wins."""
    conductor, vim, workflow = (f"/vimesh.v1.{name}Service/" for name in ("Conductor", "Vim", "Workflow"))
    health = "/grpc.health.v1.Health/"
    return [
        *unreadable(),
        *other_hosts(fleet.hosts),
        *strangers(fleet.origins),
        *preflights(fleet.origins),
        # Reports are idempotent by design: sending one twice leaves the VIM the same. UpdateVims may carry 1000.
        _call("path", conductor + "UpdateVim", REPORTS, REPORT_S, again()),
        _call("path", conductor + "UpdateVims", MONITORS, REPORT_S, again()),
        _stream("path", conductor + "WatchActions", MONITORS),
        _call("prefix", conductor, MONITORS, CHANGE_S, untouched()),
        _call("path", vim + "GetVim", READS, READ_S, again()),
        *(_call("path", vim + name, LISTS, READ_S, again()) for name in ("ListVims", "ListVimEvents")),
        _stream("path", vim + "WatchVims", WATCHES),
        # Register, modify, deregister: retrying one that has succeeded would give a different answer.
        _call("prefix", vim, CHANGES, CHANGE_S, untouched()),
        _call("path", workflow + "FinishWorkflowTask", MONITORS, REPORT_S, again()),
        _call("prefix", workflow, MONITORS, CHANGE_S, untouched()),
        _call("path", health + "Check", READS, REPORT_S, again()),
        _stream("path", health + "Watch", WATCHES),
        _stream("prefix", "/grpc.reflection.", WATCHES),
        live(),
        *([connect_route()] if fleet.connect else []),
        *json_routes(),
        *no_json(),
        *([_api()] if fleet.with_api else []),
        _nothing(),
    ]


def _call(kind: str, path: str, call_class: CallClass, timeout_s: float, retry: dict[str, object]) -> Route:
    return {
        "match": {kind: path, "headers": [GRPC_CONTENT]},
        "route": {
            "cluster": call_class.name,
            "timeout": f"{timeout_s:g}s",
            # A caller's shorter deadline frees the stream early; a longer one is cut to the timeout of the route.
            "max_stream_duration": {"grpc_timeout_header_max": f"{timeout_s:g}s"},
            "retry_policy": retry,
        },
        # A call can only be retried while its request is buffered.
        "request_body_buffer_limit": MAX_MESSAGE_BYTES + 65536,
    }


def _stream(kind: str, path: str, call_class: CallClass) -> Route:
    return {
        "match": {kind: path, "headers": [GRPC_CONTENT]},
        "route": {
            "cluster": call_class.name,
            "timeout": "0s",
            "idle_timeout": f"{IDLE_S:g}s",
            # The caller's deadline, without an upper limit.
            "max_stream_duration": {"grpc_timeout_header_max": "0s"},
            # Retries end with the first response: a stream that has started is never retried.
            "retry_policy": untouched(),
        },
        **({"typed_per_filter_config": of_watches()} if call_class is WATCHES else {}),
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
    return {BODY_LIMIT: typed(BUFFER + "PerRoute", buffer={"max_request_bytes": MAX_JSON_BYTES})}
