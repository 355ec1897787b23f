"""How a process of ours lets itself be watched: by systemd, by `vimesh up`, or by nobody."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vimesh.watchdog.calls import Calls
from vimesh.watchdog.heartbeat import beating
from vimesh.watchdog.notifier import Notifier, pop_supervisor
from vimesh.watchdog.work_record import PATH_VARIABLE, open_record, record_path


@dataclass(frozen=True, slots=True)
class Watched:
    notifier: Notifier
    calls: Calls = field(default_factory=Calls)
    """Those that this process serves."""


def take_record_path(name: str) -> Path | None:
    """Return where the process called `name` writes what it works on. Its children do not get to know."""
    path = record_path(os.environ, name)
    os.environ.pop(PATH_VARIABLE, None)
    return path


@contextmanager
def watched(newest_work: Callable[[], str] = lambda: "") -> Generator[Notifier]:
    """Have the running loop show that it runs while the block runs. The block says when it is ready."""
    # Who ends a process that does not answer does so by SIGABRT, which shows in the log what it was doing.
    faulthandler.enable(file=2)  # by number: streams may have been put in the place of others
    with Notifier(pop_supervisor(os.environ)) as notifier, beating(notifier, newest_work):
        yield notifier
        notifier.notify_stopping()


@contextmanager
def watched_calls(name: str) -> Generator[Watched]:
    """Do so, and write down which call is under way."""
    with open_record(take_record_path(name)) as opened:
        calls = Calls(opened.record)
        with watched(lambda: calls.newest) as notifier:
            yield Watched(notifier, calls)
