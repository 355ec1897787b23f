"""Reads the entries of files to apply: of one file, of those in a folder, or of standard input."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from vimesh.cli.input.file_entries import VIMS, EntryKind, FileEntry, Flaw
from vimesh.cli.input.file_formats import ENDINGS, Format, read
from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_sources import files_in, opened


def placed_entries(
    path: Path, kind: EntryKind = VIMS, endings: Collection[str] = ENDINGS
) -> Iterator[tuple[str, Path, FileEntry | Flaw]]:
    """Yield the entries of a file, of the files in a folder, or of standard input, with their places and files.

    A place is `line 3`, or `lab.yaml: line 3` in a folder. Raises BadSetting.
    """
    for file in source_files(path, endings):
        for entry in entries_of(file, kind):
            line = f"line {entry.line}"
            yield line if file == path else f"{file.name}: {line}", file, entry


def source_files(path: Path, endings: Collection[str] = ENDINGS) -> Sequence[Path]:
    """Return the files to read, of which a folder may have many. Raises BadSetting."""
    try:
        return files_in(path, endings)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None


def entries_of(path: Path, kind: EntryKind = VIMS) -> Iterator[FileEntry | Flaw]:
    """Yield the entries of a file, one in memory at a time. What is no other format is YAML. Raises BadSetting."""
    format_ = Format.YAML if kind is not VIMS else ENDINGS.get(path.suffix.lower(), Format.YAML)
    try:
        with opened(path) as file:
            yield from read(format_, file, kind)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None
