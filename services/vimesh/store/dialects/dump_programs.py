"""Names what differs between the programs that copy the databases of servers to files and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from vimesh.store.urls.server_addresses import ServerAddress


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as people write it, without its last part."""
    return ".".join(map(str, version[:2]))


class DumpPrograms(Protocol):
    """The programs of one kind of server, for one database. Secrets are in `files`, never on a command line."""

    address: ServerAddress
    """The server that they connect to, and no other."""
    product: str
    """The server that they are for, as `ServerDialect.product` calls it."""
    package: str
    """What to install on Debian for them."""
    is_atomic: bool
    """Whether a load that fails changes nothing."""

    def files(self) -> Mapping[str, str]:
        """Return the contents, by name, of the files that the programs read. They are made in a private folder."""

    def environment(self, folder: Path) -> Mapping[str, str]:
        """Return what to add to the environment, if the files are in this folder."""

    def dump(self, folder: Path) -> Sequence[str]:
        """Return the command that writes the database, as it is at one moment, to standard output."""

    def load(self, folder: Path) -> Sequence[str]:
        """Return the command that reads it from standard input. Tables of the same names are replaced."""

    def version_of(self, output: str) -> tuple[int, ...]:
        """Read what a program says of its version; empty for a program of another product."""

    def why_unusable(self, program: tuple[int, ...], server: tuple[int, ...]) -> str:
        """Return why a program of this version cannot copy from a server of that version; empty if it can."""

    def table_version(self, dump: Path) -> str | None:
        """Return the version of the tables in a file; None if it is no complete dump of vimesh. Raises OSError."""
