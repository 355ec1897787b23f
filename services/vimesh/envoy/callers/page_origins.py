"""Pages: which origins may use the front.

A browser sends with what a page asks for the origin of the page, unless it only reads. Nobody else sends one. So what
would change something is refused when its page is not of a listed origin, even if the browser takes the page for one of
the front's own (DNS rebinding).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, refused, to_nowhere
from vimesh.envoy.vocabulary.extensions import TRANSCODED, extension, method_is, typed
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus

_NAME: Final = "envoy.filters.http.cors"
_READS: Final = "GET|HEAD|OPTIONS"
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT: Final = (
    *("accept", "authorization", "content-type", "x-auth-token"),
    *("grpc-timeout", "x-grpc-web", "x-user-agent"),
    *("connect-protocol-version", "connect-timeout-ms"),
)
_SHOWN: Final = ("grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after")
_KEPT_S: Final = 600


def cors_filter() -> dict[str, object]:
    """Return the filter, which does nothing but what `allowed` says."""
    return extension(_NAME, "envoy.extensions.filters.http.cors.v3.Cors")


def allowed(origins: Sequence[str]) -> dict[str, object]:
    """Return what a virtual host says about pages: these origins read answers, and nobody's cookies count."""
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
        # A console on the Internet, a front that is not.
        allow_private_network_access=True,
    )
    # A cache must not give the answer for one page to another one.
    vary = {"header": {"key": "vary", "value": "origin"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return {"typed_per_filter_config": {_NAME: policy}, "response_headers_to_add": [vary]}


def strangers(origins: Sequence[str]) -> list[Route]:
    """Refuse what pages of other origins would change."""
    says = RefusalStatus(Code.PERMISSION_DENIED, "the origin of the page is not one of cors.origins in the fleet file")
    # What the transcoder has made a call of is a POST by then, also if it was a GET.
    first_look = {"name": TRANSCODED, "present_match": True, "invert_match": True}
    return refused(403, [first_look, method_is(_READS, inverted=True), *_other_than(origins)], says)


def preflights(origins: Sequence[str]) -> list[Route]:
    """Let the filter answer browsers that ask for listed origins what a page may send."""
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
