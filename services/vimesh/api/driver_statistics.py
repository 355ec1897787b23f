"""Holds what the driver of the workflow engine counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from vimesh.api.workflows.task_statistics import TaskStatistics
from vimesh.engine.mistral_statistics import MistralStatistics


@dataclass(frozen=True, slots=True)
class DriverStatistics:
    tasks: TaskStatistics = field(default_factory=TaskStatistics)
    mistral: MistralStatistics = field(default_factory=MistralStatistics)
