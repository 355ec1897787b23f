"""Names of Envoy's extensions."""

from __future__ import annotations

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_PREFIX = "type.googleapis.com/"


def typed(message: str, **fields: object) -> dict[str, object]:
    """Return a message of an extension with its type, as Envoy wants it wherever a plug-in is configured."""
    return {"@type": _PREFIX + message, **fields}


def extension(name: str, message: str, **fields: object) -> dict[str, object]:
    return {"name": name, "typed_config": typed(message, **fields)}
