"""Chooses the reader for the format of a file of VIMs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from vimesh.cli.input.file_entries import VIMS, EntryKind, FileEntry, Flaw
from vimesh.domain.settings import BadFlag, one_of
from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_limits import MAX_ENTRIES

FLAG = "--format"
_HEAD_BYTES = 64 * 1024
"""How much of a file is looked at, if its name does not tell its format."""
_YAML_KEY = re.compile(
    r"(?:---|[\"']?(?:apiVersion|kind|clusters|contexts|clouds|vims|auth_url)[\"']?[ \t]*:|-[ \t]+name[ \t]*:)"
)
_SETS = re.compile(
    r"[ \t]*(?:(?:(?:export|declare[ \t]+-x|set)[ \t]+|\$env:)?OS_[A-Z0-9_]+[ \t]*=|setenv[ \t]+OS_)",
    re.ASCII | re.IGNORECASE,
)


class Format(StrEnum):
    YAML = "yaml"
    JSON = "json"
    JSON_LINES = "jsonl"
    CSV = "csv"
    OPENRC = "openrc"
    """Read by `client_files`: it is no list of entries."""


ENDINGS = {
    ".yaml": Format.YAML,
    ".yml": Format.YAML,
    ".json": Format.JSON,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".csv": Format.CSV,
}


def format_of(given: str | None, path: Path | None) -> Format:
    """Return the format given by the flag, or else by the file name; None is standard input. Raises BadFlag."""
    if given is not None:
        try:
            return one_of(Format)(given)
        except ValueError as error:
            raise BadFlag(FLAG, str(error)) from None
    if path is None:
        raise BadFlag(FLAG, f"is required for standard input: one of {', '.join(Format)}")
    found = ENDINGS.get(path.suffix.lower()) or _format_within(path)
    if found is None:
        raise BadFlag(
            FLAG,
            f"is required: {path} does not end with one of {', '.join(ENDINGS)}, and its text does not tell",
        )
    return found


def guess_format(text: str) -> Format | None:
    """Tell a format by how the text begins."""
    lines = text.strip().split("\n")
    if lines[0].startswith(("{", "[")):
        is_lines = len(lines) > 1 and lines[0].startswith("{") and lines[0].rstrip().endswith("}")
        return Format.JSON_LINES if is_lines else Format.JSON
    if any(_YAML_KEY.match(line) for line in lines):
        return Format.YAML
    return Format.OPENRC if any(_SETS.match(line) for line in lines) else None


def _format_within(path: Path) -> Format | None:
    """Look into a file for its format. A pipe cannot be looked at twice.

    A file that cannot be opened has some format: opening it again says what is wrong with it.
    """
    try:
        if not path.exists():
            return Format.YAML
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return guess_format(file.read(_HEAD_BYTES).decode("utf-8-sig", "replace"))
    except OSError:
        return Format.YAML


def read(format_: Format, file: BinaryIO, kind: EntryKind = VIMS) -> Iterator[FileEntry | Flaw]:
    """Yield the entries one by one, continuing after a flaw where the format allows it. Raises OSError.

    `kind`: what the entries are; only YAML has others than VIMs.
    """
    for number, entry in enumerate(_read(format_, EntryStream(file), kind), 1):
        if number > MAX_ENTRIES:
            yield Flaw(entry.line, f"the file has more than {MAX_ENTRIES} VIMs")
            return
        yield entry


def _read(format_: Format, stream: EntryStream, kind: EntryKind) -> Iterator[FileEntry | Flaw]:
    match format_:
        case Format.YAML:
            from vimesh.cli.input import yaml_file  # noqa: PLC0415 - YAML is slow to import, and other formats do not need it

            return yaml_file.entries(stream, kind)
        case Format.JSON:
            from vimesh.cli.input import json_file  # noqa: PLC0415 - as above

            return json_file.entries(stream)
        case Format.JSON_LINES:
            from vimesh.cli.input import json_lines  # noqa: PLC0415 - as above

            return json_lines.entries(stream)
        case Format.CSV:
            from vimesh.cli.input import csv_file  # noqa: PLC0415 - as above

            return csv_file.entries(stream)
        case Format.OPENRC:
            raise ValueError("client_files reads it")
