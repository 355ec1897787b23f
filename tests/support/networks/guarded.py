"""Counts the packets that a machine sends anywhere but to its VIMs."""

from __future__ import annotations

import json

from tests.support.networks.namespaces import Namespace

VIMS = "127.0.1.0/24"
VIMS_V6 = "fd00::/64"
OWN = "192.0.2.1"
"""An address of the machine, not in a loopback network."""

# On the loopback interface, answers leave this machine too.
_RULES = f"""
table inet guard {{
  counter denied {{ }}
  chain output {{
    type filter hook output priority -400; policy accept;
    ip daddr {VIMS} accept
    ip saddr {VIMS} accept
    ip6 daddr {VIMS_V6} accept
    ip6 saddr {VIMS_V6} accept
    counter name denied
  }}
}}
"""


def guard(machine: Namespace) -> None:
    """Begin to count, with a route to everywhere: nothing is held back for lack of one."""
    machine.run("ip", "address", "add", f"{OWN}/32", "dev", "lo")
    machine.run("ip", "route", "add", "default", "dev", "lo")
    machine.run("ip", "-6", "route", "add", "default", "dev", "lo")
    machine.run("nft", "-f", "-", stdin=_RULES)


def denied_packets(machine: Namespace) -> int:
    """Return how many packets have gone anywhere but to the VIMs."""
    listed = json.loads(machine.run("nft", "-j", "list", "counter", "inet", "guard", "denied"))
    return int(next(entry["counter"]["packets"] for entry in listed["nftables"] if "counter" in entry))
