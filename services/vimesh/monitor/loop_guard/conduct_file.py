"""Stores the conduct of VIMs in a small JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from vimesh.monitor.loop_guard.vim_conduct import FIRST_PAUSE_S, LONGEST_PAUSE_S, Hold, VimConduct

_log = structlog.get_logger()

MAX_FILE_BYTES = 1 << 20


def read_conducts(path: Path) -> dict[str, VimConduct]:
    """Return the entries of the file. Unreadable ones are logged and skipped: a bad file must not prevent a start."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(MAX_FILE_BYTES))
        entries = document["conducts"].items()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        _log.warning("the list of VIMs set aside cannot be read", path=str(path), why=repr(error))
        return {}
    conducts = {}
    for key, entry in entries:
        try:
            conducts[key] = _conduct(entry)
        except (ValueError, LookupError, TypeError, OverflowError) as error:
            _log.warning("an entry about a VIM cannot be read", path=str(path), key=key, why=repr(error))
    return conducts


def write_conducts(path: Path, conducts: Mapping[str, VimConduct]) -> None:
    """Replace the whole file in one step. Raises OSError."""
    document = {"conducts": {key: _entry(conduct) for key, conduct in conducts.items()}}
    scratch = path.with_name(f"{path.name}.new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(document))
    scratch.replace(path)


def _entry(conduct: VimConduct) -> dict[str, Any]:
    return {
        "holds": [[hold.at, hold.held_s] for hold in conduct.holds],
        "retry_at": conduct.retry_at,
        "pause_s": conduct.pause_s,
        "clean_retries": conduct.clean_retries,
    }


def _conduct(entry: Mapping[str, Any]) -> VimConduct:
    """Parse one entry. Raises ValueError, LookupError, TypeError, OverflowError."""
    retry_at = entry["retry_at"]
    return VimConduct(
        tuple(Hold(_time(at), None if held_s is None else _time(held_s)) for at, held_s in entry["holds"]),
        None if retry_at is None else _time(retry_at),
        min(max(_time(entry["pause_s"]), FIRST_PAUSE_S), LONGEST_PAUSE_S),
        int(entry["clean_retries"]),
    )


def _time(value: object) -> float:
    """Return seconds that a calendar can show. Raises ValueError for any other value."""
    if isinstance(value, int | float) and 0 <= value < 1e11:  # false for NaN
        return float(value)
    raise ValueError(f"no time: {value!r}")
