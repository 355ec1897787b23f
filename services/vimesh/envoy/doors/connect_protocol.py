"""Supports the Connect protocol with protobuf messages: Envoy's own filter turns the requests into gRPC calls.

Envoy documents that filter as work in progress, without any guarantee. So a fleet file has to enable it.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, to_nowhere
from vimesh.envoy.vocabulary.extensions import extension, lua, switched_on

_BRIDGE: Final = "envoy.filters.http.connect_grpc_bridge"
_REROUTING: Final = "vimesh.connect_rerouting"
_REROUTE: Final = """
function envoy_on_request(request)
  request:clearRouteCache()
end
"""
_PATH: Final = r"/vimesh\.v1\.[A-Za-z]+/[A-Za-z]+"
_TYPES: Final = r"application/(connect\+)?proto"


def connect_filters() -> list[dict[str, object]]:
    """Return the filters, which must precede all filters for gRPC calls.

    They are disabled except on the route below: the bridge would also turn a GET into a call, and any page can send it.
    """
    bridge = extension(_BRIDGE, "envoy.extensions.filters.http.connect_grpc_bridge.v3.FilterConfig")
    return [{**bridge, "disabled": True}, {**lua(_REROUTING, _REROUTE), "disabled": True}]


def connect_route() -> Route:
    posts = [
        {"name": ":method", "string_match": {"exact": "POST"}},
        {"name": "content-type", "string_match": {"safe_regex": {"regex": _TYPES}}},
    ]
    return {
        "match": {"safe_regex": {"regex": _PATH}, "headers": posts},
        # The filters make Envoy choose another route.
        "route": to_nowhere(),
        "typed_per_filter_config": switched_on(_BRIDGE, _REROUTING),
    }
