"""Reads the settings that the administrator of an executor's host makes for our ping actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vimesh.domain.settings import ADDRESS, CREDENTIALS, Setting, config_file, one_of, sources
from vimesh.monitor.references.reference_addresses import REFERENCES, References
from vimesh.target_rules.rule_settings import PROBE_ALLOW, PROBE_DENY
from vimesh.target_rules.target_rules import TargetRules


class ActionMode(StrEnum):
    ASYNC = "async"
    """All actions of an executor share one loop; Mistral waits for their end without a thread."""
    SYNC = "sync"
    """Each action occupies a thread of the executor's pool until it ends, as the old ping action did."""


# The other settings in the file are for other processes.
_MODE = Setting("action.mode", one_of(ActionMode), ActionMode.ASYNC)


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    address: str
    """Where the front of the mesh is: `host:port`, or `unix:` and the path of a socket."""
    mode: ActionMode
    rules: TargetRules
    """Which addresses may be probed."""
    references: References = ()
    """What proves that the network of the executor works; empty: nothing does."""
    credentials: Path | None = None
    """Folder with what the executor shows to the front; None: the front asks for nothing."""


def executor_settings(environment: Mapping[str, str]) -> ExecutorSettings:
    """Read the environment, then the file that VIMESH_CONFIG names. Raises BadSetting."""
    found = sources(environment, config_file(environment))
    return ExecutorSettings(
        address=found.read(ADDRESS),
        mode=found.read(_MODE),
        rules=TargetRules(allow=found.read(PROBE_ALLOW), deny=found.read(PROBE_DENY)),
        references=found.read(REFERENCES),
        credentials=found.read(CREDENTIALS),
    )
