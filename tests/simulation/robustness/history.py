"""Records what happened in a run, as lines of JSON in the order in which they were written.

Every line has a `kind` and a monotonic time `t` in seconds; a call that started earlier has its start as `began`. All
lines are written by one process, so all times are from one clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]

now = time.monotonic


class History:
    """Written while things happen. The code that opens it closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w", encoding="utf-8")

    def note(self, kind: str, **fields: object) -> None:
        self._file.write(json.dumps({"t": round(now(), 4), "kind": kind, **fields}, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self._file.close()


class Record:
    """A history that was read back."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._of_kind: dict[str, list[Entry]] = {}
        for entry in entries:
            self._of_kind.setdefault(entry["kind"], []).append(entry)

    def of(self, kind: str) -> list[Entry]:
        return self._of_kind.get(kind, [])

    def one(self, kind: str) -> Entry:
        """Return the only line of its kind. Raises KeyError when there is none: the run did not get that far."""
        if kind not in self._of_kind:
            raise KeyError(f"the history says nothing of {kind}")
        return self._of_kind[kind][-1]


def read(path: Path) -> Record:
    return Record(_lines(path))


def _lines(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
