"""Lists the networks that nobody probes by accident: what answers there is this machine, its network, or its cloud."""

from __future__ import annotations

from ipaddress import ip_network

from vimesh.target_rules.networks import Network

_METADATA = "cloud metadata"
_LINK_LOCAL = "link-local"
_LOOPBACK = "loopback"
_MULTICAST = "multicast"
_UNSPECIFIED = "unspecified"

SPECIAL_NETWORKS: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), kind)
    for network, kind in (
        # The metadata services of clouds give credentials to whoever asks from a machine of theirs.
        ("169.254.169.254", _METADATA),  # AWS, Azure, Google, OpenStack and most others
        ("169.254.170.2", _METADATA),  # AWS, for containers
        ("100.100.100.200", _METADATA),  # Alibaba
        ("168.63.129.16", _METADATA),  # Azure's wire server
        ("192.0.0.192", _METADATA),  # Oracle, classic
        ("fd00:ec2::254", _METADATA),  # AWS
        ("fd00:ec2::23", _METADATA),  # AWS, for pods
        ("fd20:ce::254", _METADATA),  # Google
        ("fe80::a9fe:a9fe", _METADATA),  # OpenStack
        ("127.0.0.0/8", _LOOPBACK),
        ("::1", _LOOPBACK),
        ("169.254.0.0/16", _LINK_LOCAL),
        ("fe80::/10", _LINK_LOCAL),
        ("224.0.0.0/4", _MULTICAST),
        ("ff00::/8", _MULTICAST),
        ("0.0.0.0/8", _UNSPECIFIED),  # Linux connects 0.0.0.0 to this machine
        ("::", _UNSPECIFIED),
        ("255.255.255.255", "broadcast"),
    )
)
"""Each network, and what its addresses are called. The first match names an address."""
