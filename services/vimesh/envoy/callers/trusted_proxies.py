"""Defines which proxies may report the caller and the address that it used: only trusted ones."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final

from vimesh.envoy.vocabulary.extensions import extension

CALLER: Final = "x-forwarded-for"
FORWARDED: Final = (CALLER, "forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix")
"""Headers in which a proxy reports its caller and the address that the caller used. Envoy itself writes the scheme."""


def by_trusted(networks: Sequence[str]) -> dict[str, object]:
    """Return the filter chain match for connections from these networks."""
    return {"direct_source_prefix_ranges": _ranges(networks)}


def callers(networks: Sequence[str]) -> dict[str, object]:
    """Return how a connection manager finds the caller: behind trusted proxies, the last address that is not theirs."""
    if not networks:
        return {"use_remote_address": True}
    detection = extension(
        "envoy.http.original_ip_detection.xff",
        "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig",
        xff_trusted_cidrs={"cidrs": _ranges(networks)},
    )
    return {"use_remote_address": False, "original_ip_detection_extensions": [detection]}


def caller_alone() -> dict[str, object]:
    """Return the request header that replaces callers' own statements about their address with the real one."""
    value = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    return {"header": {"key": CALLER, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _ranges(networks: Sequence[str]) -> list[dict[str, object]]:
    read = map(ip_network, networks)
    return [{"address_prefix": str(one.network_address), "prefix_len": one.prefixlen} for one in read]
