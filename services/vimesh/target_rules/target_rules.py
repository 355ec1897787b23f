"""Decides by the network of an address whether it may be connected to."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from vimesh.target_rules.embedded_ipv4 import addresses_reached
from vimesh.target_rules.networks import (
    Bits,
    Networks,
    bits_of,
    first_bytes_of,
    name_of,
    named_by_themselves,
)
from vimesh.target_rules.special_networks import SPECIAL_NETWORKS

_FLEET = "the fleet's own"
_IPV4_BYTES = 4


class _Decisions(NamedTuple):
    """The rules for one version of IP."""

    first_bytes: frozenset[int]
    """Of all addresses that a network contains: nearly all other addresses are done with by that."""
    deny: Bits
    allow: Bits
    special: Bits


class Purpose(NamedTuple):
    """Words of the texts that say why an address is denied."""

    settings: str
    """The settings of the rules are called so, with `_allow` and `_deny`."""
    verb: str
    participle: str


PROBES = Purpose("probe", "probe", "probed")
NOTIFICATIONS = Purpose("target", "notify", "notified")


@dataclass(frozen=True)
class TargetRules:
    """First `deny` decides, then `allow`, then the defaults: special networks and the fleet's own are denied.

    An IPv6 address that contains IPv4 addresses is allowed if all of them are.
    """

    allow: Networks = ()
    deny: Networks = ()
    purpose: Purpose = PROBES

    @cached_property
    def _v4(self) -> _Decisions:
        return self._decisions(4)

    @cached_property
    def _v6(self) -> _Decisions:
        return self._decisions(6)

    def _decisions(self, version: int) -> _Decisions:
        decided = (named_by_themselves(self.deny), named_by_themselves(self.allow), SPECIAL_NETWORKS)
        networks = [[(network, name) for network, name in each if network.version == version] for each in decided]
        first_bytes = frozenset(chain(*(first_bytes_of(network) for each in networks for network, _ in each)))
        return _Decisions(first_bytes, *map(bits_of, networks))

    def denial(self, ip: bytes, fleet: Container[bytes]) -> str | None:
        """Return which rule denies an address, as text for people; None: it is allowed.

        `ip`: as in an IP header. `fleet`: the fleet's own addresses, in the same form. The text names neither.
        """
        for address in addresses_reached(ip):
            why = self._denial_of(address, fleet)
            if why is not None:
                return why
        return None

    def _denial_of(self, ip: bytes, fleet: Container[bytes]) -> str | None:
        rules = self._v4 if len(ip) == _IPV4_BYTES else self._v6
        kind = None
        if ip[0] in rules.first_bytes:
            address = int.from_bytes(ip)
            if network := name_of(address, rules.deny):
                return f"the rule {self.purpose.settings}_deny {network} forbids to {self.purpose.verb} this address"
            if name_of(address, rules.allow):
                return None
            kind = name_of(address, rules.special)
        if kind is None and ip in fleet:
            kind = _FLEET
        if kind is None:
            return None
        return f"{kind} addresses are not {self.purpose.participle} unless {self.purpose.settings}_allow names them"
