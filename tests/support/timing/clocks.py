"""Gives one process a clock of its own, whose time of day can be set while it runs."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = "libfaketimeMT.so.1"
_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


class NoFakeTime(Exception):
    """libfaketime is not installed: on Debian and Ubuntu it is in the package `faketime`."""


class Clock:
    """Timers and pauses are not affected: setting a clock does not make time pass."""

    def __init__(self, file: Path) -> None:
        self._library = _library()
        self._file = file
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """The environment with which the process has to be started."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }

    def set(self, ahead_s: int) -> None:
        """Let the process see, within a second, the true time plus this offset."""
        scratch = self._file.with_suffix(".new")
        scratch.write_text(f"{ahead_s:+d}s\n")
        scratch.replace(self._file)


def _library() -> Path:
    for place in _PLACES:
        if found := sorted(Path(place).glob(f"**/{_LIBRARY}")):
            return found[0]
    raise NoFakeTime(NoFakeTime.__doc__)
