"""Prepares the key file of an embedded fleet."""

from __future__ import annotations

from pathlib import Path

from vimesh.cli.base.exits import Failure
from vimesh.store.rows.credential_encryption import FileCipher
from vimesh.store.rows.key_files import make_key_file, read_keys


def prepare_key_file(chosen: Path, own: Path) -> None:
    """Create the key file of the data directory if it is the chosen one; otherwise check the chosen one.

    Raises BadSetting if the file cannot be used; Failure if the data directory has a key that the chosen file lacks.
    """
    if chosen == own:
        make_key_file(own)
        return
    FileCipher(chosen)
    if own.exists() and not set(read_keys(own)) <= set(read_keys(chosen)):
        # The database is encrypted with it, unless it is another database than that of the data directory.
        raise Failure(
            f"{own} holds a key that {chosen} lacks, and credentials may be encrypted with it",
            hint=f"append it with: cat {own} >> {chosen}; then remove {own}, or leave out --key-file",
        )
