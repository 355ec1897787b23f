"""Holds the options of `vimesh up` and `vimesh demo`, and what a fleet on one machine is to be."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

from vimesh.cli.base.command_settings import LogSettings
from vimesh.cli.formats.output_formats import Output
from vimesh.domain.vims import Engine
from vimesh.envoy.fleet.front_fleet import ListenAddress
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import NOTIFICATIONS, TargetRules

LOOPBACK_NETWORKS = parse_networks("127.0.0.0/8,::1")


@dataclass(frozen=True, slots=True)
class FleetSettings:
    host: str
    """The IP address on which the front listens."""
    port: int
    conductors: int
    database_url: str = field(repr=False)
    """Empty: a SQLite file in the data directory."""
    engine: Engine = Engine.EMBEDDED
    """Runs the ping actions of new VIMs."""
    mistral_url: str = field(default="", repr=False)
    """Empty: the URL in Keystone's catalog."""
    secured: bool = False
    """Whether callers must prove who they are."""
    rules: TargetRules = field(default_factory=TargetRules)
    """Which addresses may be probed: those that were asked for."""
    notification_rules: TargetRules = field(default_factory=lambda: TargetRules(purpose=NOTIFICATIONS))
    """Which addresses may be notified: those that were asked for."""
    history: bool = False
    """Whether the monitor delivers what rounds come to."""
    key_file: Path | None = None
    """None: a file in the data directory, which is created."""
    quota_arguments: Sequence[str] = ()
    """The flags of conductors that say the quotas of projects."""
    metrics_listener: socket.socket | None = None
    """Where the metrics of all processes are served; None: they have none."""
    channelz: bool = False
    """Whether conductors serve gRPC's channelz."""
    keystone_file: Path | None = None
    """With which tokens of Keystone are checked; None: they prove nothing."""

    @property
    def monitor_rules(self) -> TargetRules:
        """Which addresses may be probed: loopback too, if whoever registers VIMs is on this machine anyway."""
        return self._with_loopback(self.rules)

    @property
    def notifier_rules(self) -> TargetRules:
        """Which addresses may be notified: as for probes."""
        return self._with_loopback(self.notification_rules)

    def _with_loopback(self, rules: TargetRules) -> TargetRules:
        if not ip_address(self.host).is_loopback:
            return rules
        return replace(rules, allow=rules.allow + LOOPBACK_NETWORKS)

    @property
    def address(self) -> str:
        """Address at which clients on this machine reach the front."""
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return str(ListenAddress(here, self.port))


@dataclass(frozen=True, slots=True)
class FleetOptions:
    fleet: FleetSettings
    """Port 0: any free port. Where metrics are served is not decided yet."""
    data_dir: Path
    logs: LogSettings
    config: Path | None
    """The TOML file that was given; the processes read it, too."""
    metrics_port: int | None = None
    """Port of the metrics; None: the default port, or any free one if it is taken; `NO_METRICS`: none."""


@dataclass(frozen=True, slots=True)
class Demo:
    port: int | None
    """None: the default port, or any free one if it is taken."""
    data_dir: Path | None
    """None: a temporary directory."""
    conductors: int
    output: Output
    duration_s: float | None
    """None: until Ctrl-C."""
    config: Path | None
