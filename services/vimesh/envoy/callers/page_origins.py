"""Defines which origins of web pages may use the front (CORS).

Browsers send the origin of the page with its requests, except with plain reads; other clients do not send one. So a
request that would change something is refused unless its page is of a listed origin, even if the browser considers the
page to be of the front's own origin (DNS rebinding).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, refused, to_nowhere
from vimesh.envoy.vocabulary.extensions import TRANSCODED, extension, method_is, typed
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus
from vimesh.tracing.current_request import REQUEST_ID

_NAME: Final = "envoy.filters.http.cors"
_READS: Final = "GET|HEAD|OPTIONS"
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT: Final = (
    *("accept", "authorization", "content-type", "x-auth-token"),
    *("grpc-timeout", "x-grpc-web", "x-user-agent"),
    *("connect-protocol-version", "connect-timeout-ms"),
)
_SHOWN: Final = ("grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after", REQUEST_ID)
_KEPT_S: Final = 600


def cors_filter() -> dict[str, object]:
    """Return the filter, which does only what the policy from `allowed` states."""
    return extension(_NAME, "envoy.extensions.filters.http.cors.v3.Cors")


def allowed(origins: Sequence[str]) -> dict[str, object]:
    """Return the settings of the virtual host: pages of these origins may read answers, but not send cookies."""
    if not origins:
        return {}
    policy = typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in origins],
        allow_methods=_METHODS,
        allow_headers=", ".join(_SENT),
        expose_headers=", ".join(_SHOWN),
        max_age=str(_KEPT_S),
        allow_credentials=False,
        # The console may be on the Internet while the front is in a private network.
        allow_private_network_access=True,
    )
    # A cache must not serve the answer for one page to another one.
    vary = {"header": {"key": "vary", "value": "origin"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return {"typed_per_filter_config": {_NAME: policy}, "response_headers_to_add": [vary]}


def strangers(origins: Sequence[str]) -> list[Route]:
    """Refuse requests from pages of other origins, unless they only read."""
    says = RefusalStatus(Code.PERMISSION_DENIED, "the origin of the page is not in cors.origins of the fleet file")
    # The transcoder turns every request into a POST, even a GET: so check only before that.
    first_look = {"name": TRANSCODED, "present_match": True, "invert_match": True}
    return refused(403, [first_look, method_is(_READS, inverted=True), *_other_than(origins)], says)


def preflights(origins: Sequence[str]) -> list[Route]:
    """Let the filter answer the preflight requests of browsers for pages of these origins."""
    if not origins:
        return []
    asked = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "origin", "string_match": {"safe_regex": {"regex": _one_of(origins)}}},
        {"name": "access-control-request-method", "present_match": True},
    ]
    return [{"match": {"prefix": "/", "headers": asked}, "route": to_nowhere()}]


def _other_than(origins: Sequence[str]) -> list[dict[str, object]]:
    given: dict[str, object] = {"name": "origin", "present_match": True}
    if not origins:
        return [given]
    listed = {"safe_regex": {"regex": _one_of(origins)}}
    return [given, {"name": "origin", "string_match": listed, "invert_match": True}]


def _one_of(origins: Sequence[str]) -> str:
    return "|".join(map(re.escape, origins))
