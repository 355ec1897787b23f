"""Connects a vimesh process to its supervisor: systemd, `vimesh up`, or none."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vimesh.watchdog.calls import Calls
from vimesh.watchdog.heartbeat import beating
from vimesh.watchdog.supervisor_link import SupervisorLink, pop_supervisor
from vimesh.watchdog.work_record import PATH_VARIABLE, open_record, record_path


@dataclass(frozen=True, slots=True)
class Watched:
    link: SupervisorLink
    calls: Calls = field(default_factory=Calls)
    """The calls that this process serves."""


def take_record_path(name: str) -> Path | None:
    """Return the file in which process `name` records its work, and hide that file from its children."""
    path = record_path(os.environ, name)
    os.environ.pop(PATH_VARIABLE, None)
    return path


@contextmanager
def watched(newest_work: Callable[[], str] = lambda: "") -> Generator[SupervisorLink]:
    """Send heartbeats from the running loop while the block runs. The block must report when it is ready."""
    # Supervisors end a hung process with SIGABRT; faulthandler then writes its stack to the log.
    faulthandler.enable(file=2)  # by number, because sys.stderr may have been replaced
    with SupervisorLink(pop_supervisor(os.environ)) as link, beating(link, newest_work):
        yield link
        link.notify_stopping()


@contextmanager
def watched_calls(name: str) -> Generator[Watched]:
    """Do the same as `watched`, and record which calls are in progress."""
    with open_record(take_record_path(name)) as opened:
        calls = Calls(opened.record)
        with watched(lambda: calls.newest) as link:
            yield Watched(link, calls)
