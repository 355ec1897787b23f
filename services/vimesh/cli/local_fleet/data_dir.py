"""Locates and locks the folder of an embedded fleet, which only one fleet uses at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vimesh.cli.base.common_settings import STATE_FILE
from vimesh.cli.base.exits import Failure


@dataclass(frozen=True, slots=True)
class DataDir:
    path: Path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.path / 'vimesh.sqlite'}"

    @property
    def key_file(self) -> Path:
        return self.path / "credentials.key"

    @property
    def certificates(self) -> Path:
        return self.path / "certs"

    @property
    def audit_file(self) -> Path:
        """Changes and refusals, in a secured fleet."""
        return self.path / "audit.log"

    @property
    def envoy(self) -> Path:
        return self.path / "envoy"

    @property
    def log_file(self) -> Path:
        return self.path / "fleet.log"

    @property
    def state_file(self) -> Path:
        """Lists the running processes with pids and addresses; removed when the fleet stops."""
        return self.path / STATE_FILE

    def work_record(self, process: str) -> Path:
        """Return the file in which a process records its current work."""
        return self.path / "work" / f"{process}.work"

    def write_state(self, state: Mapping[str, object]) -> None:
        scratch = self.state_file.with_suffix(".new")
        scratch.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        scratch.replace(self.state_file)


@contextmanager
def locked(path: Path) -> Generator[DataDir]:
    """Create the folder if it is missing, and lock it until the block ends. Raises Failure.

    A folder that was created here is removed again if it stays empty.
    """
    made = not path.exists()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failure(
            f"the data directory {path} cannot be used: {error.strerror}",
            hint="choose another one with --data-dir",
        ) from error
    try:
        try:
            # The kernel releases the lock however the process ends, so it never goes stale.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip()
            raise Failure(
                f"the data directory {path} is in use by another fleet (pid {holder or 'unknown'})",
                hint="stop it, or choose another directory with --data-dir",
            ) from None
        if not os.fstat(lock).st_nlink:
            raise Failure(f"the data directory {path} was just removed by another fleet", hint="start again")
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        data_dir = DataDir(path.resolve())
        try:
            yield data_dir
        finally:
            data_dir.state_file.unlink(missing_ok=True)
            if made:
                _remove_unused(path)
    finally:
        os.close(lock)


def _remove_unused(path: Path) -> None:
    with suppress(OSError):
        if [file.name for file in path.iterdir()] == ["lock"]:
            (path / "lock").unlink()
            path.rmdir()
