"""Defines the settings of the rules: monitors, executors, notifiers and `vimesh up` share them."""

from __future__ import annotations

from vimesh.domain.settings import Setting
from vimesh.target_rules.networks import Networks, parse_networks

_NONE: Networks = ()
PROBE_ALLOW = Setting("probe_allow", parse_networks, _NONE)
PROBE_DENY = Setting("probe_deny", parse_networks, _NONE)
TARGET_ALLOW = Setting("target_allow", parse_networks, _NONE)
TARGET_DENY = Setting("target_deny", parse_networks, _NONE)
