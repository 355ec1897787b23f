"""Opens what a command line names as its input: a file, a folder of files, or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_whole, require_unchanged

STANDARD_INPUT: Final = Path("-")
MAX_FILES: Final = 100_000
"""In a folder."""


def files_in(path: Path, endings: Collection[str]) -> Sequence[Path]:
    """Return the files of a folder that have one of the endings, by name; of anything else, only itself.

    Folders in the folder are left out. Raises OSError, BadFile.
    """
    if path == STANDARD_INPUT or not path.is_dir():
        return (path,)
    found = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(".") or Path(entry.name).suffix.lower() not in endings or entry.is_dir():
                continue
            found.append(path / entry.name)
            if len(found) > MAX_FILES:
                raise BadFile(f"has more than {MAX_FILES} files")
    if not found:
        raise BadFile(f"is a folder without files that end with {', '.join(sorted(endings))}")
    return sorted(found)


@contextmanager
def opened(path: Path) -> Generator[BinaryIO]:
    """Open a file, or standard input. Raises OSError, and BadFile if the file changes while it is open."""
    if path != STANDARD_INPUT:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            yield file
            # The content may be half old and half new.
            require_unchanged(before, os.fstat(file.fileno()))
    elif sys.stdin is None:
        raise BadFile("standard input is closed")
    else:
        yield sys.stdin.buffer


def source_text(path: Path, max_bytes: int) -> str:
    """Read a whole file, or standard input, as UTF-8 text. Raises OSError, and BadFile if it is larger than that."""
    if path == STANDARD_INPUT:
        with opened(path) as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise BadFile(f"is larger than {max_bytes} bytes")
    else:
        content = read_whole(path, max_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("is not UTF-8 text", content.count(b"\n", 0, error.start) + 1) from None
