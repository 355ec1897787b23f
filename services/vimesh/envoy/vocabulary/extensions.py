"""Names of Envoy's extensions, and what several routes say to them."""

from __future__ import annotations

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

GRPC_CONTENT: dict[str, object] = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
"""Matches the requests of gRPC and gRPC-Web."""
TRANSCODED = "x-envoy-original-path"
"""The header in which the transcoder leaves the first path of a request when it has made a gRPC call of it."""

_PREFIX = "type.googleapis.com/"


def method_is(regex: str, *, inverted: bool = False) -> dict[str, object]:
    """Match the requests whose method fits, or all others."""
    matcher: dict[str, object] = {"name": ":method", "string_match": {"safe_regex": {"regex": regex}}}
    return {**matcher, "invert_match": True} if inverted else matcher


def typed(message: str, **fields: object) -> dict[str, object]:
    """Return a message of an extension with its type, as Envoy wants it wherever a plug-in is configured."""
    return {"@type": _PREFIX + message, **fields}


def extension(name: str, message: str, **fields: object) -> dict[str, object]:
    return {"name": name, "typed_config": typed(message, **fields)}


def switched_off(*filters: str) -> dict[str, object]:
    """Return what a route says, in `typed_per_filter_config`, about filters that its requests do not pass."""
    return {name: typed("envoy.config.route.v3.FilterConfig", disabled=True) for name in filters}


def switched_on(*filters: str) -> dict[str, object]:
    """Do the same for filters that are off elsewhere."""
    return {name: typed("envoy.config.route.v3.FilterConfig", config={}) for name in filters}


def lua(name: str, source: str) -> dict[str, object]:
    """Return a filter that runs a script."""
    return extension(name, "envoy.extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": source})
