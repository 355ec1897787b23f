"""Reads lists of networks that people write, and finds addresses in them quickly."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]

MAX_NETWORKS = 1000
"""Each one costs a new connection 50 ns."""
_MAX_SHOWN = 50
_IPV4_IN_IPV6 = ipaddress.IPv6Network("::ffff:0:0/96")

Bits = tuple[tuple[int, int, str], ...]
"""For each network: its mask, its address, and a name."""


def parse_networks(text: str) -> Networks:
    """Parse addresses and networks, separated by commas. Raises ValueError."""
    if text.lstrip().startswith("["):
        raise ValueError("must be one string, such as '10.0.0.0/8,2001:db8::/32', not a list")
    parts = [part for each in text.split(",") if (part := each.strip())]
    if len(parts) > MAX_NETWORKS:
        raise ValueError(f"must be at most {MAX_NETWORKS} networks, not {len(parts)}")
    return tuple(_network(part) for part in parts)


def format_networks(networks: Networks) -> str:
    """Format networks in the form that `parse_networks` parses."""
    return ",".join(map(str, networks))


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(_fault(text)) from None
    if "%" in text:
        raise ValueError(f"must be without a zone, not {text[:_MAX_SHOWN]!r}")
    if network.version == 6 and network.subnet_of(_IPV4_IN_IPV6):
        raise ValueError(f"must be written as IPv4, not {text[:_MAX_SHOWN]!r}")
    return network


def _fault(text: str) -> str:
    shown = repr(text[:_MAX_SHOWN])
    try:
        wider = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"must be an address or a network such as 10.0.0.0/8, not {shown}"
    return f"must be {wider} or a single address, not {shown}"


def bits_of(named: Iterable[tuple[Network, str]]) -> Bits:
    """Return what `name_of` needs, for networks of one IP version."""
    return tuple((int(network.netmask), int(network.network_address), name) for network, name in named)


def first_bytes_of(network: Network) -> Iterable[int]:
    """Return the first byte of each of its addresses."""
    return range(network.network_address.packed[0], network.broadcast_address.packed[0] + 1)


def named_by_themselves(networks: Networks) -> Iterator[tuple[Network, str]]:
    for network in networks:
        yield network, str(network)


def name_of(address: int, bits: Bits) -> str | None:
    """Return the name of the first network that contains the address."""
    for mask, network, name in bits:  # a generator would take twice as long
        if address & mask == network:
            return name
    return None
