"""Decides by the network of an address whether it may be probed."""

from __future__ import annotations

from collections.abc import Container

from vimesh.monitor.target_rules.embedded_ipv4 import addresses_reached
from vimesh.monitor.target_rules.networks import Networks, bits_of, name_of, named_by_themselves
from vimesh.monitor.target_rules.special_networks import SPECIAL_NETWORKS

_FLEET = "the fleet's own"


class TargetRules:
    """First `deny` decides, then `allow`, then the defaults: special networks and the fleet's own are denied.

    An IPv6 address that contains IPv4 addresses may be probed if all of them may.
    """

    def __init__(self, allow: Networks = (), deny: Networks = ()) -> None:
        self.allow = allow
        self.deny = deny
        by_rule = (named_by_themselves(deny), named_by_themselves(allow), SPECIAL_NETWORKS)
        networks = [tuple(each) for each in by_rule]
        self._bits = {version: [bits_of(each, version) for each in networks] for version in (4, 6)}

    def denial(self, ip: bytes, fleet: Container[bytes]) -> str | None:
        """Return which rule denies an address, as text for people; None: it may be probed.

        `ip`: as in an IP header. `fleet`: the fleet's own addresses, in the same form. The text names neither.
        """
        for address in addresses_reached(ip):
            why = self._denial_of(address, fleet)
            if why is not None:
                return why
        return None

    def _denial_of(self, ip: bytes, fleet: Container[bytes]) -> str | None:
        deny, allow, special = self._bits[4 if len(ip) == 4 else 6]
        address = int.from_bytes(ip)
        if deny and (network := name_of(address, deny)):
            return f"the rule probe_deny {network} forbids to probe this address"
        if allow and name_of(address, allow):
            return None
        kind = name_of(address, special) or (_FLEET if ip in fleet else None)
        return f"{kind} addresses are not probed unless probe_allow names them" if kind else None
