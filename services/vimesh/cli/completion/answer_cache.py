"""Keeps what was read of a fleet for the next words, and lets another process read it again when it is old."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_FRESH_S: Final = 10.0
_WAIT_S: Final = 2.0
"""How long to wait for what was never read before."""
_LOOK_EVERY_S: Final = 0.02
_FLAGS: Final = ("--address", "--credentials", "--profile", "--context", "--config")
"""Flags that say which fleet is meant."""
_VARIABLES: Final = ("VIMESH_ADDRESS", "VIMESH_CREDENTIALS", "VIMESH_PROFILE", "VIMESH_CONFIG", "VIMESH_UP_DATA_DIR")
_MAX_BYTES: Final = 16 * 1024 * 1024


class AnswerCache:
    """What is known of the fleet that a command line means."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], program: Sequence[str], fetch_variable: str
    ) -> None:
        """`program`: what reads the fleet, with the flags of the command line, and the place in `fetch_variable`."""
        self._flags = _fleet_flags(words)
        self._environment = environment
        self._program = program
        self._fetch_variable = fetch_variable

    def read(self) -> Mapping[str, Any]:
        """Return what was read before, even if it is old; wait for it only if there is none."""
        place = self._place()
        try:
            age_s = time.time() - place.stat().st_mtime
        except OSError:
            self._fetch(place, _WAIT_S)
        else:
            if not 0 <= age_s < _FRESH_S:
                os.utime(place)  # so that the next word does not let it be read once more
                self._fetch(place, 0.0)
        return _content_of(place)

    def _place(self) -> Path:
        import zlib  # noqa: PLC0415 - only if something of the fleet is asked for

        home = Path(self._environment.get("HOME", "/"))
        config = Path(self._environment.get("XDG_CONFIG_HOME", "") or home / ".config")
        cache = Path(self._environment.get("XDG_CACHE_HOME", "") or home / ".cache")
        meant = [
            *self._flags,
            *(f"{name}={self._environment.get(name, '')}" for name in _VARIABLES),
            # Which profile is the current one, and what the folder says.
            *map(_version_of, (config / "vimesh/config.yaml", Path("vimesh.toml"), Path(".vimesh/fleet.json"))),
        ]
        key = zlib.crc32("\0".join(meant).encode(errors="surrogateescape"))
        return cache / "vimesh" / f"completion-{key:08x}.json"

    def _fetch(self, place: Path, wait_s: float) -> None:
        """Let another process read the fleet. Wait until it has ended, or for so long."""
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            child = os.posix_spawn(
                self._program[0],
                [*self._program, *self._flags],
                {**self._environment, self._fetch_variable: str(place)},
                file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)],
                setsid=True,
            )
        except OSError:
            return
        ends_at = time.monotonic() + wait_s
        while time.monotonic() < ends_at and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(_LOOK_EVERY_S)


def _fleet_flags(words: Sequence[str]) -> list[str]:
    """Return the flags that say which fleet is meant, as `--FLAG=VALUE`."""
    flags: list[str] = []
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _FLAGS and (equals or number + 1 < len(words)):
            flags.append(f"{name}={value if equals else words[number + 1]}")
    return flags


def _version_of(file: Path) -> str:
    """Return what differs for another file, and when it is written; empty if there is none."""
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}"


def _content_of(place: Path) -> Mapping[str, Any]:
    try:
        with place.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
