"""Provides the safeguards that keep one VIM from harming all others and that outlive the process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from vimesh.monitor.loop_guard.quarantine import Quarantine
from vimesh.watchdog.work_record import OpenRecord, WorkRecord, open_record, private_record

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Safeguards:
    record: WorkRecord = field(default_factory=private_record)
    quarantine: Quarantine = field(default_factory=Quarantine)


@contextmanager
def safeguards(record_path: Path | None) -> Generator[Safeguards]:
    """Yield the safeguards of a process whose work record is at the path; its quarantine is stored next to that.

    If the previous process ended while it worked on a VIM, that counts as a hold.
    """
    with open_record(record_path) as opened:
        yield Safeguards(opened.record, _quarantine(opened))


def _quarantine(opened: OpenRecord) -> Quarantine:
    if opened.path is None:
        return Quarantine()
    quarantine = Quarantine(opened.path.with_suffix(".aside.json"))
    if opened.unfinished is not None:
        vim_id = opened.unfinished.text
        _log.warning("the previous process ended while it worked on a VIM", vim_id=vim_id)
        quarantine.note_crash(vim_id)
    return quarantine
