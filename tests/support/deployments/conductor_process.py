"""Runs a conductor as a process of its own, and reads its database."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.callers.commands import Command
from tests.support.callers.running import running
from tests.support.sql.stores import create_file
from vimesh.store.rows.credential_encryption import FileCipher


@dataclass(frozen=True)
class Conductor:
    folder: Path
    address: str
    process: subprocess.Popen[str]

    def user(self, folder: Path) -> Command:
        return Command(folder, {"VIMESH_ADDRESS": self.address})

    def secrets_of(self, vim_id: str) -> Any:  # noqa: ANN401 - what JSON holds
        """Read the credentials as they are stored."""
        with closing(sqlite3.connect(self.folder / "vimesh.sqlite", timeout=30)) as database:
            (token,) = database.execute("SELECT secrets FROM vims WHERE id = ?", (vim_id,)).fetchone()
        return FileCipher(self.folder / "key").decrypt(token)

    def count(self) -> int:
        with closing(sqlite3.connect(self.folder / "vimesh.sqlite", timeout=30)) as database:
            return int(database.execute("SELECT count(*) FROM vims").fetchone()[0])


@contextmanager
def conductor_in(folder: Path, port: int = 0) -> Generator[Conductor]:
    """Serve the database in a folder, which is created if it is missing. The process may be killed."""
    vimesh = Command(folder)
    url = "sqlite:///vimesh.sqlite"
    if not (folder / "key").exists():
        assert vimesh("db", "make-key", "key").code == 0
        create_file(folder / "vimesh.sqlite")
    flags = ("--listen", f"127.0.0.1:{port}", "--database-url", url, "--key-file", "key")
    with running(folder, "conductor", *flags) as process:
        said = re.search(r"port=(\d+)", process.line_with("conductor is serving"))
        assert said is not None
        yield Conductor(folder, f"127.0.0.1:{said[1]}", process.process)
