"""Holds the options of `vimesh up` and `vimesh demo`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vimesh.cli.base.command_settings import LogSettings, Output
from vimesh.domain.vims import Engine
from vimesh.monitor.target_rules.target_rules import TargetRules


@dataclass(frozen=True, slots=True)
class FleetOptions:
    host: str
    port: int
    """0: any free port."""
    data_dir: Path
    conductors: int
    database_url: str = field(repr=False)
    """Empty: a SQLite file in the data directory."""
    logs: LogSettings
    config: Path | None
    """The TOML file that was given; the processes read it, too."""
    secured: bool = False
    """Whether callers must prove who they are."""
    engine: Engine = Engine.EMBEDDED
    mistral_url: str = field(default="", repr=False)
    rules: TargetRules = field(default_factory=TargetRules)
    """Which addresses may be probed."""
    history: bool = True
    """Whether the monitor delivers what rounds come to."""
    quota_arguments: Sequence[str] = ()
    """The flags of conductors that say the quotas of projects."""
    key_file: Path | None = None
    """None: a file in the data directory."""
    metrics_port: int | None = None
    """Port of the metrics; None: the default port, or any free one if it is taken; `NO_METRICS`: none."""
    keystone_file: Path | None = None
    """None: tokens of Keystone prove nothing."""


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
