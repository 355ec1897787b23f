"""The Connect protocol, with messages as protobuf: Envoy's own filter makes gRPC calls of its requests.

Envoy calls that filter work in progress, and answers for it to nobody. So a fleet file has to ask for it.
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
    """Return the filters, which come before all that gRPC calls pass.

    They are off but for the route below: the bridge would make a call of a GET, too, which any page can ask for.
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
        # The filters have another route taken.
        "route": to_nowhere(),
        "typed_per_filter_config": switched_on(_BRIDGE, _REROUTING),
    }
