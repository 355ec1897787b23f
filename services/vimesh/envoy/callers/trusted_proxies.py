"""Whose word counts on who calls and by which address: that of trusted proxies, and of nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final

from vimesh.envoy.vocabulary.extensions import extension

CALLER: Final = "x-forwarded-for"
FORWARDED: Final = (CALLER, "forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix")
"""What a proxy says of its caller, and of the address that the caller used. The scheme is written by Envoy itself."""


def by_trusted(networks: Sequence[str]) -> dict[str, object]:
    """Return the match of the filter chain for connections of these networks."""
    return {"direct_source_prefix_ranges": _ranges(networks)}


def callers(networks: Sequence[str]) -> dict[str, object]:
    """Return how a connection manager finds out who calls: behind trusted proxies, the last that is none of them."""
    if not networks:
        return {"use_remote_address": True}
    detection = extension(
        "envoy.http.original_ip_detection.xff",
        "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig",
        xff_trusted_cidrs={"cidrs": _ranges(networks)},
    )
    return {"use_remote_address": False, "original_ip_detection_extensions": [detection]}


def caller_alone() -> dict[str, object]:
    """Return the addition to a request that leaves nothing of what callers say about who they are."""
    value = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    return {"header": {"key": CALLER, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _ranges(networks: Sequence[str]) -> list[dict[str, object]]:
    read = map(ip_network, networks)
    return [{"address_prefix": str(one.network_address), "prefix_len": one.prefixlen} for one in read]
