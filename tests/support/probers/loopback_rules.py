"""Rules for the probes of tests: nearly all of their VIMs are on this machine, which nobody probes by default."""

from __future__ import annotations

from functools import partial

from vimesh.monitor.host.build_host import HostSettings
from vimesh.target_rules.networks import format_networks, parse_networks
from vimesh.target_rules.target_rules import TargetRules

LOOPBACK_RULES = TargetRules(allow=parse_networks("127.0.0.0/8,::1,fe80::/10"))
PROBE_LOOPBACK = ("--probe-allow", format_networks(LOOPBACK_RULES.allow))
"""The same for a process."""

loopback_settings = partial(HostSettings, rules=LOOPBACK_RULES)
"""Makes the settings of a host that probes this machine."""
