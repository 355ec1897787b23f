"""Routes the JSON paths, and gives the answers that need no conductor, such as the description of the paths."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, answer, refused_requests, to_nowhere
from vimesh.envoy.vocabulary.extensions import lua, method_is, switched_on
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus

# Requests that the transcoder accepts have a gRPC path when they are routed, so only other methods match these paths.
JSON_PATHS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (r"/v1/vims", ("GET", "POST")),
    (r"/v1/vims:watch", ("GET",)),
    (r"/v1/vims:summarize", ("GET",)),
    (r"/v1/vims:batchGet", ("GET",)),
    (r"/v1/vims:modify", ("POST",)),
    (r"/v1/vims:deregister", ("POST",)),
    (r"/v1/vims/[^/]+:probe", ("POST",)),
    (r"/v1/vims/[^/]+:explain", ("GET",)),
    (r"/v1/vims/[^/]+", ("GET", "PATCH", "DELETE")),
    (r"/v1/vims/[^/]+/events", ("GET",)),
    (r"/v1/vims/[^/]+/samples", ("GET",)),
    (r"/v1/events", ("GET",)),
    (r"/v1/maintenanceWindows", ("GET", "POST")),
    (r"/v1/maintenanceWindows/[^/]+:end", ("POST",)),
    (r"/v1/maintenanceWindows/[^/]+", ("GET",)),
    (r"/v1/receivers", ("GET", "POST")),
    (r"/v1/receivers/[^/]+:test", ("POST",)),
    (r"/v1/receivers/[^/]+", ("GET", "PATCH", "DELETE")),
    (r"/v1/receivers/[^/]+/notifications", ("GET",)),
    (r"/v1/receivers/[^/]+/notifications:resend", ("POST",)),
    (r"/v1/receivers/[^/]+/notifications:delete", ("POST",)),
    (r"/v1/notifications/[^/]+", ("GET",)),
    (r"/v1/whoami", ("GET",)),
    (r"/v1/quota", ("GET",)),
    (r"/v1/fleet", ("GET",)),
    (r"/v1/monitors", ("GET",)),
    (r"/v1/monitors/[^/]+:drain", ("POST",)),
    (r"/v1/causes", ("GET",)),
    (r"/v1/causes/[^/]+", ("GET",)),
    (r"/v1/availability", ("GET",)),
)

DESCRIPTION_PATH: Final = "/v1/openapi.json"
DESCRIPTION_FILE: Final = "openapi.json"
"""The JSON paths as OpenAPI describes them, made by `make reference`: in this package, and beside the bootstrap."""
MAX_DESCRIPTION_BYTES: Final = 1024 * 1024

_WATCH: Final = "/v1/vims:watch"
_READS: Final = "GET|HEAD"
_WITHOUT_BODY: Final = "GET|HEAD|OPTIONS|DELETE"
"""Methods that need no body. A page's request without a preflight (CORS) has one of these, or the body of a form."""
_TAKEN: Final = r"(?i)application/json[ \t]*(;.*)?|application/grpc.*"

_HEAD: Final = "vimesh.head_as_get"
_AS_GET: Final = """
function envoy_on_request(request)
  request:headers():replace(":method", "GET")
  request:clearRouteCache()
end

function envoy_on_response(response)
  for chunk in response:bodyChunks() do
    chunk:setBytes("")
  end
end
"""
"""The script empties the body, because Envoy itself drops it only over HTTP/1.1, not over HTTP/2."""


def head_filter() -> dict[str, object]:
    """Return the filter that turns a HEAD into a GET, on routes that enable it."""
    return {**lua(_HEAD, _AS_GET), "disabled": True}


def json_routes() -> list[Route]:
    return [_head_of_watch(), *(route for path, methods in JSON_PATHS for route in _methods(path, methods))]


def description_routes(directory: str) -> list[Route]:
    """Answer with the description, from the file in `directory`."""
    content = {"key": "content-type", "value": "application/json"}
    described: Route = {
        "match": {"path": DESCRIPTION_PATH, "headers": [method_is(_READS)]},
        "direct_response": {"status": 200, "body": {"filename": f"{directory}/{DESCRIPTION_FILE}"}},
        "response_headers_to_add": [{"header": content, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }
    return [described, *_other_methods({"path": DESCRIPTION_PATH}, ("GET", "HEAD"))]


def no_json() -> list[Route]:
    """Refuse bodies that are not declared as JSON: any page can make a browser send those without a preflight."""
    says = RefusalStatus(Code.INVALID_ARGUMENT, "the content-type must be application/json", "BAD_INPUT")
    with_body = method_is(_WITHOUT_BODY, inverted=True)
    other: dict[str, object] = {
        "string_match": {"safe_regex": {"regex": _TAKEN}},
        "treat_missing_header_as_empty": True,
    }
    return [refused_requests(415, [with_body, {"name": "content-type", **other, "invert_match": True}], says)]


def _head_of_watch() -> Route:
    # A watch never ends, so do not wait for its answer.
    return {"match": {"path": _WATCH, "headers": [method_is("HEAD")]}, "direct_response": {"status": 200}}


def _methods(path: str, methods: tuple[str, ...]) -> list[Route]:
    head = ("HEAD",) if "GET" in methods else ()
    match: dict[str, object] = {"safe_regex": {"regex": path}}
    return [*([_as_get(match)] if head else ()), *_other_methods(match, (*methods, *head))]


def _other_methods(match: dict[str, object], methods: tuple[str, ...]) -> list[Route]:
    """Say which methods a path has, and refuse all others."""
    allow = [{"header": {"key": "allow", "value": ", ".join((*methods, "OPTIONS"))}}]
    others = method_is("|".join(methods), inverted=True)
    return [
        {
            "match": {**match, "headers": [method_is("OPTIONS")]},
            "direct_response": {"status": 204},
            "response_headers_to_add": allow,
        },
        {
            "match": {**match, "headers": [others]},
            "direct_response": answer(405, "the path does not support this method"),
            "response_headers_to_add": allow,
        },
    ]


def _as_get(match: dict[str, object]) -> Route:
    # The filter makes Envoy choose another route.
    return {
        "match": {**match, "headers": [method_is("HEAD")]},
        "route": to_nowhere(),
        "typed_per_filter_config": switched_on(_HEAD),
    }
