"""Loses pings of a namespace by a fixed pattern, and counts them by address."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.support.networks.namespaces import Namespace

# Counted and lost before the kernel answers.
_RULES = """
table inet losses {
  set sent { type ipv4_addr; flags dynamic; counter; size 4096; }
  set lost { type ipv4_addr; flags dynamic; counter; size 4096; }
  chain prerouting {
    type filter hook prerouting priority -200; policy accept;
    icmp type != echo-request accept
    ip daddr != NETWORK accept
    update @sent { ip daddr }
    numgen inc mod PERIOD < LOST update @lost { ip daddr } drop
  }
}
"""


@dataclass(frozen=True, slots=True)
class PingCount:
    """The pings to an address."""

    sent: int
    lost: int


def lose_pings(machine: Namespace, network: str, *, lost: int, of: int) -> None:
    """From now on lose the first `lost` pings `of` so many to a network, and so on."""
    rules = _RULES.replace("NETWORK", network).replace("PERIOD", str(of)).replace("LOST", str(lost))
    machine.run("nft", "-f", "-", stdin=rules)


def count_pings(machine: Namespace) -> dict[str, PingCount]:
    """Return how many pings were sent to each address of the network, and how many of them were lost."""
    sent, lost = (_counters(machine, name) for name in ("sent", "lost"))
    return {address: PingCount(count, lost.get(address, 0)) for address, count in sent.items()}


def _counters(machine: Namespace, name: str) -> dict[str, int]:
    listed = json.loads(machine.run("nft", "-j", "list", "set", "inet", "losses", name))
    [of_set] = [entry["set"] for entry in listed["nftables"] if "set" in entry]
    elements = [element["elem"] for element in of_set.get("elem", [])]
    return {element["val"]: int(element["counter"]["packets"]) for element in elements}
