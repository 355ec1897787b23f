"""Runs calls that block in a few threads, such as TLS handshakes and calls to Mistral."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Self

Job = Callable[[], None]


class DaemonThreads:
    """Runs jobs in a fixed number of threads; further jobs are queued.

    The threads are daemons: a blocking call can hang for a minute and cannot be cancelled, but must not keep the
    process from exiting.
    """

    def __init__(self, count: int, name: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._count = count
        self._name = name

    def __enter__(self) -> Self:
        for number in range(self._count):
            threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _ in range(self._count):
            self._jobs.put(None)

    def submit(self, job: Job) -> None:
        """Run the job, which must not raise, in one of the threads."""
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
