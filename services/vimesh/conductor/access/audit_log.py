"""Writes the audit: one JSON object per line, in a file of its own."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final

import structlog

from vimesh.domain.access.audit_entry import AuditEntry
from vimesh.domain.errors import BadSetting

_log = structlog.get_logger()

_REFUSALS_PER_S: Final = 50
"""Refusals to write per second: who may do nothing must not be able to fill the disk either."""
_COMPLAINT_INTERVAL_S: Final = 10.0


class AuditLog:
    """Several conductors may write to one file. It may be moved away at any time: then a new one is begun."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Raises BadSetting if the file cannot be opened."""
        try:
            self._file = _PrivateFile(path, encoding="utf-8")
        except OSError as error:
            raise BadSetting("audit_file", f"cannot write {path}: {error.strerror}") from error
        self._clock = clock
        self._second = 0
        self._refusals = 0
        self._left_out = 0
        self._complained_at = float("-inf")

    def record(self, entry: AuditEntry) -> None:
        """Write an entry. A change that cannot be written is logged as an error: it was made already."""
        now = self._clock()
        if entry.is_refusal and not self._has_room(now):
            self._left_out += 1
            return
        try:
            self._file.emit(logging.makeLogRecord({"msg": json.dumps(self._document(entry, now))}))
        except OSError as error:
            self._complain(entry, error, now)
            return
        self._left_out = 0

    def close(self) -> None:
        self._file.close()

    def _document(self, entry: AuditEntry, now: float) -> dict[str, object]:
        subject = entry.subject
        document: dict[str, object] = {
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "identity": entry.identity,
            **({"by_api": entry.by_api} if entry.by_api else {}),
            "method": entry.method,
            "vim_id": subject.vim_id,
            **({"window_id": subject.window_id} if subject.window_id else {}),
            **({"receiver_id": subject.receiver_id} if subject.receiver_id else {}),
            **({"monitor_id": subject.monitor_id} if subject.monitor_id else {}),
            "project_id": subject.project_id,
            "request_id": subject.request_id,
            "call_id": entry.call_id,
            "outcome": entry.outcome,
        }
        return document | ({"refusals_left_out": self._left_out} if self._left_out else {})

    def _has_room(self, now: float) -> bool:
        if self._second != int(now):
            self._second, self._refusals = int(now), 0
        self._refusals += 1
        return self._refusals <= _REFUSALS_PER_S

    def _complain(self, entry: AuditEntry, error: OSError, now: float) -> None:
        if now - self._complained_at >= _COMPLAINT_INTERVAL_S:
            self._complained_at = now
            _log.error("the audit cannot be written", error=str(error), identity=entry.identity, method=entry.method)


class _PrivateFile(WatchedFileHandler):
    """A file that only its owner can read."""

    def _open(self) -> io.TextIOWrapper:
        # Not buffered: each line is one write, and one that failed is not tried again with the next.
        file = io.FileIO(self.baseFilename, "a", opener=lambda name, flags: os.open(name, flags, 0o600))
        return io.TextIOWrapper(file, encoding=self.encoding, write_through=True)

    def handleError(self, record: logging.LogRecord) -> None:
        """Raise the error instead of printing it."""
        raise  # noqa: PLE0704 - called while an error is handled
