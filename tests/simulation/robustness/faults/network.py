"""Cuts the network between the processes of the namespace: by port, in one direction at a time."""

from __future__ import annotations

import asyncio

from tests.support.networks.namespaces import Namespace

VIMS = "127.1.0.0/16"
"""The addresses of all targets."""
REFERENCES = ("127.200.0.1", "127.200.0.2")
"""What shows to the monitors that their network works."""
_RULES = """
table inet cuts {
  set to { type inet_service; }
  set from { type inet_service; }
  chain prerouting {
    type filter hook prerouting priority -290; policy accept;
    tcp dport @to drop
    tcp sport @from drop
  }
}
"""

# On arrival: whoever sends is told of packets that are dropped when they leave.
_UPLINK = f"""
table inet uplink {{
  chain prerouting {{
    type filter hook prerouting priority -310; policy accept;
    ip daddr {VIMS} drop
    ip daddr {{ {", ".join(REFERENCES)} }} drop
  }}
}}
"""


class Network:
    """Packets are dropped silently, also on open connections."""

    def __init__(self, machine: Namespace) -> None:
        self._machine = machine

    async def begin(self) -> None:
        await self._nft(_RULES)

    async def cut(self, direction: str, port: int) -> None:
        """Drop the packets `to` a server's port, or those `from` it."""
        await self._nft(f"add element inet cuts {direction} {{ {port} }}\n")

    async def mend(self, direction: str, port: int) -> None:
        await self._nft(f"delete element inet cuts {direction} {{ {port} }}\n")

    async def lose_uplink(self) -> None:
        """Drop what goes to the VIMs and to the references of the monitors; they reach the conductors as ever."""
        await self._nft(_UPLINK)

    async def mend_uplink(self) -> None:
        await self._nft("delete table inet uplink\n")

    async def _nft(self, script: str) -> None:
        await asyncio.to_thread(self._machine.run, "nft", "-f", "-", stdin=script)
