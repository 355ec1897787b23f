"""Builds settings of Envoy's extensions, and matchers that several routes share."""

from __future__ import annotations

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

GRPC_CONTENT: dict[str, object] = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
"""Matches gRPC and gRPC-Web requests."""
TRANSCODED = "x-envoy-original-path"
"""The header in which the transcoder keeps the original path of a request that it has turned into a gRPC call."""

_PREFIX = "type.googleapis.com/"


def method_is(regex: str, *, inverted: bool = False) -> dict[str, object]:
    """Match the requests whose method matches `regex`, or all others."""
    matcher: dict[str, object] = {"name": ":method", "string_match": {"safe_regex": {"regex": regex}}}
    return {**matcher, "invert_match": True} if inverted else matcher


def typed(message: str, **fields: object) -> dict[str, object]:
    """Return the message with its type, as Envoy requires wherever an extension is configured."""
    return {"@type": _PREFIX + message, **fields}


def extension(name: str, message: str, **fields: object) -> dict[str, object]:
    return {"name": name, "typed_config": typed(message, **fields)}


def switched_off(*filters: str) -> dict[str, object]:
    """Return the `typed_per_filter_config` that disables filters on a route."""
    return {name: typed("envoy.config.route.v3.FilterConfig", disabled=True) for name in filters}


def switched_on(*filters: str) -> dict[str, object]:
    """Return the `typed_per_filter_config` that enables filters on a route that are disabled elsewhere."""
    return {name: typed("envoy.config.route.v3.FilterConfig", config={}) for name in filters}


def when(expression: str) -> dict[str, object]:
    """Return a filter of logs and local replies for the requests or connections for which a CEL expression holds."""
    name = "envoy.access_loggers.extension_filters.cel"
    message = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {"extension_filter": extension(name, message, expression=expression)}


def lua(name: str, source: str) -> dict[str, object]:
    """Return a filter that runs a script."""
    return extension(name, "envoy.extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": source})
