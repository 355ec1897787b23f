"""Keeps probes from addresses that they must not be sent to (SSRF). Every socket of a probe passes here."""

from __future__ import annotations

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress, pack_ip
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.target_rules import TargetRules


class TargetGate:
    """Judges the very address that a socket is about to use: what a name meant before does not matter.

    Connections that are kept, and pings in volleys, go where a first probe has been let through.
    """

    def __init__(self, rules: TargetRules, fleet: FleetAddresses) -> None:
        self._rules = rules
        self._fleet = fleet

    def check(self, address: ProbeAddress) -> None:
        """Raises LocalFault if nothing may be sent to the address."""
        try:
            denial = self._rules.denial(pack_ip(address), self._fleet)
        except OSError as error:
            # Without them, it might be one of ours: better to send nothing.
            raise LocalFault(
                Reason.LOCAL_RESOURCES, f"cannot read the addresses of this machine: {error.strerror}"
            ) from error
        if denial is not None:
            raise LocalFault(Reason.LOCAL_DENIED, denial)
