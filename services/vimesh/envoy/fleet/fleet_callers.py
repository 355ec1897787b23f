"""Reads the parts of a fleet file that state which callers may use the front, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final

from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.fleet_values import texts_of

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@*,\"']+")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def origins_in(given: Mapping[str, object]) -> tuple[str, ...]:
    """Read the origins of pages. Raises BadSetting for one that no browser would send."""
    values = texts_of("cors.origins", given.get("origins", []))
    return tuple(_origin(f"cors.origins[{index}]", value) for index, value in enumerate(values))


def networks(setting: str, value: object) -> tuple[str, ...]:
    """Read IP addresses and networks (CIDR). Raises BadSetting."""
    return tuple(_network(f"{setting}[{index}]", text) for index, text in enumerate(texts_of(setting, value)))


def host_names(setting: str, value: object) -> tuple[str, ...]:
    """Read host names without ports. Raises BadSetting."""
    return tuple(host_name(f"{setting}[{index}]", name) for index, name in enumerate(texts_of(setting, value)))


def host_name(setting: str, text: str) -> str:
    """Read a host name without a port. Raises BadSetting."""
    if not _NAME.fullmatch(text):
        raise BadSetting(setting, f"must be a host name without a port, not {text[:300]!r}")
    return text


def _origin(setting: str, text: str) -> str:
    if text in ("*", "null"):
        raise BadSetting(setting, f"must be the origin of a page: {text} would admit every page")
    origin = text.lower()
    if not _ORIGIN.fullmatch(origin):
        raise BadSetting(
            setting, f"must be scheme://host[:port] without a path, such as https://console.example, not {text!r}"
        )
    scheme = origin.partition("://")[0]
    return origin.removesuffix(_DEFAULT_PORTS.get(scheme, "/"))


def _network(setting: str, text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise BadSetting(setting, f"must be an IP address or a network: {error}") from error
