"""Which call goes where, how long it may take and whether it may be repeated."""

from __future__ import annotations

from vimesh.envoy import clusters
from vimesh.envoy.call_classes import CHANGES, LISTS, MONITORS, READS, REPORTS, WATCHES, CallClass
from vimesh.envoy.opening_rate import of_watches
from vimesh.envoy.request_headers import drop_grpc, malformed_timeout, unknown_encoding, unprintable_path
from vimesh.envoy.retries import repeatable as again
from vimesh.envoy.retries import untouched_only as untouched
from vimesh.envoy.statuses import Code, Status
from vimesh.envoy.typed import typed

REPORT_S = 10.0
READ_S = 15.0
CHANGE_S = 15.0
API_S = 60.0
IDLE_S = 60.0
"""A watch says something every few seconds; one that says nothing for this long is dead."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""What a gRPC request may hold; the conductor refuses longer ones itself."""
MAX_JSON_BYTES = 512 * 1024
"""What a request with JSON may hold, for which a conductor pays many times what a message of that length costs."""

BODY_LIMIT = "envoy.filters.http.buffer"
BUFFER = "envoy.extensions.filters.http.buffer.v3.Buffer"

_GRPC = [{"name": "content-type", "string_match": {"prefix": "application/grpc"}}]

# Paths of the JSON door and their methods. What the transcoder took for a call has a gRPC path when it is routed, so
# only the other methods arrive at these.
JSON_PATHS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"/v1/vims", ("GET", "POST")),
    (r"/v1/vims:watch", ("GET",)),
    (r"/v1/vims/[^/]+", ("GET", "PATCH", "DELETE")),
    (r"/v1/vims/[^/]+/events", ("GET",)),
    (r"/v1/events", ("GET",)),
)

Route = dict[str, object]


def routes(*, with_api: bool) -> list[Route]:
    """Return all routes; the first that matches wins."""
    conductor, vim, workflow = (f"/vimesh.v1.{name}Service/" for name in ("Conductor", "Vim", "Workflow"))
    health = "/grpc.health.v1.Health/"
    return [
        *_unreadable(),
        # Reports are idempotent by design: the same report twice leaves the same VIM. UpdateVims may bring 1000.
        _call("path", conductor + "UpdateVim", REPORTS, REPORT_S, again()),
        _call("path", conductor + "UpdateVims", MONITORS, REPORT_S, again()),
        _stream("path", conductor + "WatchActions", MONITORS),
        _call("prefix", conductor, MONITORS, CHANGE_S, untouched()),
        _call("path", vim + "GetVim", READS, READ_S, again()),
        *(_call("path", vim + name, LISTS, READ_S, again()) for name in ("ListVims", "ListVimEvents")),
        _stream("path", vim + "WatchVims", WATCHES),
        # Register, modify, deregister: a second try of one that went through gives another answer.
        _call("prefix", vim, CHANGES, CHANGE_S, untouched()),
        _call("path", workflow + "FinishWorkflowTask", MONITORS, REPORT_S, again()),
        _call("prefix", workflow, MONITORS, CHANGE_S, untouched()),
        _call("path", health + "Check", READS, REPORT_S, again()),
        _stream("path", health + "Watch", WATCHES),
        _stream("prefix", "/grpc.reflection.", WATCHES),
        *([_api()] if with_api else []),
        *(route for path, methods in JSON_PATHS for route in _other_methods(path, methods)),
        _nothing(),
    ]


def _call(kind: str, path: str, call_class: CallClass, timeout_s: float, retry: dict[str, object]) -> Route:
    return {
        "match": {kind: path, "headers": _GRPC},
        "route": {
            "cluster": call_class.name,
            "timeout": f"{timeout_s:g}s",
            # A caller that waits no longer frees the stream at once; one that would wait longer is bound by the route.
            "max_stream_duration": {"grpc_timeout_header_max": f"{timeout_s:g}s"},
            "retry_policy": retry,
        },
        # A try can only be repeated while its request is kept.
        "request_body_buffer_limit": MAX_MESSAGE_BYTES + 65536,
    }


def _stream(kind: str, path: str, call_class: CallClass) -> Route:
    return {
        "match": {kind: path, "headers": _GRPC},
        "route": {
            "cluster": call_class.name,
            "timeout": "0s",
            "idle_timeout": f"{IDLE_S:g}s",
            # The caller's deadline, without a cap.
            "max_stream_duration": {"grpc_timeout_header_max": "0s"},
            # Ends with the first answer: what has begun is never repeated.
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


def _other_methods(path: str, methods: tuple[str, ...]) -> list[Route]:
    allow = [{"header": {"key": "allow", "value": ", ".join((*methods, "OPTIONS"))}}]
    match = {"safe_regex": {"regex": path}}
    options = {**match, "headers": [{"name": ":method", "string_match": {"exact": "OPTIONS"}}]}
    others = [{"name": ":method", "string_match": {"exact": method}, "invert_match": True} for method in methods]
    return [
        {"match": options, "direct_response": {"status": 204}, "response_headers_to_add": allow},
        {
            "match": {**match, "headers": others},
            "direct_response": _answer(405, "the path does not have this method"),
            "response_headers_to_add": allow,
        },
    ]


def _unreadable() -> list[Route]:
    """Refuse what gRPC would refuse as INTERNAL and remember, or die of: see request_headers."""
    timeout = Status(Code.INVALID_ARGUMENT, "grpc-timeout is malformed", "BAD_INPUT")
    encoding = Status(Code.UNIMPLEMENTED, "grpc-encoding must be identity, gzip or deflate")
    path = Status(Code.INVALID_ARGUMENT, "the path holds what is no printable ASCII", "BAD_INPUT")
    return [
        _refused(400, unprintable_path(), path),
        _refused(400, malformed_timeout(), timeout),
        _refused(501, unknown_encoding(), encoding),
    ]


def _refused(http_status: int, headers: list[dict[str, object]], status: Status) -> Route:
    told = {"grpc-status": str(int(status.code)), "grpc-status-details-bin": status.as_header()}
    return {
        "match": {"prefix": "/", "headers": [*_GRPC, *headers]},
        "direct_response": _answer(http_status, status.message),
        "response_headers_to_add": [{"header": {"key": name, "value": value}} for name, value in told.items()],
    }


def _nothing() -> Route:
    """Say 404. Requests with JSON are here too until the transcoder has made calls of them."""
    return {
        "match": {"prefix": "/"},
        # Without JSON around it: a gRPC caller sees the message as it is, for others the local reply adds it.
        "direct_response": _answer(404, "no such path"),
        "typed_per_filter_config": {**_json_limit(), **drop_grpc()},
    }


def _json_limit() -> dict[str, object]:
    return {BODY_LIMIT: typed(BUFFER + "PerRoute", buffer={"max_request_bytes": MAX_JSON_BYTES})}


def _answer(status: int, message: str) -> dict[str, object]:
    return {"status": status, "body": {"inline_string": message}}
