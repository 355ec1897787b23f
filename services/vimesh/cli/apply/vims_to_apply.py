"""Reads the VIMs that files describe, and says of each mistake where the VIM begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vimesh.cli.apply.secret_references import with_secrets
from vimesh.cli.apply.source_entries import placed_entries
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.vim_entry import RejectedEntry, read_vim_entry
from vimesh.domain.errors import BadSetting
from vimesh.domain.ids import is_id
from vimesh.domain.settings import BadFlag
from vimesh.files.file_sources import STANDARD_INPUT
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.limits import MAX_BATCH_BYTES, MAX_BATCH_VALUES, MAX_FREE_FORM_VALUES
from vimesh.wire.value_count import count_values
from vimesh.wire.vim_messages import free_form_fields

_BATCH: Final = 500
_MAX_PROBLEMS: Final = 1000
"""After that many mistakes the rest of the files is not read."""

VimName = tuple[str, str]
"""Project and name: no two VIMs have the same."""


@dataclass(frozen=True, slots=True)
class VimFromFile:
    """A VIM as a file says that it should be."""

    position: str
    """Where it begins, such as `line 3`; empty if no file has it, because it should not exist."""
    entry: pb.VimToApply = field(repr=False)
    """With its secrets."""
    vim_id: str = ""
    """The id that the VIM with this project and name has, as the file says; empty if it says nothing."""

    @property
    def key(self) -> VimName:
        return self.entry.vim.project_id, self.entry.vim.name

    @property
    def place(self) -> str:
        subject = f"VIM {self.entry.vim.name}"
        return f"{self.position}: {subject}" if self.position else subject


def read_vims(path: Path, project: str, problems: list[str]) -> Iterator[VimFromFile]:
    """Yield the VIMs of a file, or of those in a folder; `-`: standard input.

    `project`: that of VIMs for which the file names none. What is wrong is appended to `problems`. Raises BadSetting.
    """
    positions: dict[VimName, str] = {}
    for position, file, entry in placed_entries(path):
        try:
            vim = _read(position, entry, Path() if file == STANDARD_INPUT else file.parent, project)
        except RejectedEntry as error:
            problems.append(f"{position}: {error}")
            if len(problems) == _MAX_PROBLEMS:
                return
            continue
        if (first := positions.get(vim.key)) is not None:
            problems.append(f"{vim.place}: another one in {first} has the same project and name")
            continue
        positions[vim.key] = position
        yield vim


def _read(position: str, entry: FileEntry | Flaw, folder: Path, project: str) -> VimFromFile:
    """Raises RejectedEntry."""
    if isinstance(entry, Flaw):
        raise RejectedEntry(entry.description)
    try:
        described = read_vim_entry(with_secrets(entry.content, folder))
        vim = described.vim
        vim.project_id = vim.project_id or project
        to_apply = pb.VimToApply(vim=vim, engine=described.engine)
        to_apply.update_mask.paths.extend(sorted(described.fields))
    except BadFlag as error:
        raise RejectedEntry(f"{error.flag.removeprefix('--').replace('-', '_')}: {error.description}") from None
    except BadSetting as error:
        raise RejectedEntry(str(error)) from None
    except (ValueError, RecursionError):
        # A text may hold lone surrogates, which a message cannot.
        raise RejectedEntry("holds text that cannot be sent") from None
    if not vim.name:
        raise RejectedEntry("name is required")
    if described.vim_id and not is_id(described.vim_id):
        raise RejectedEntry("id must be a UUID")
    return VimFromFile(position, to_apply, described.vim_id.lower())


def batches_of(vims: Iterable[VimFromFile]) -> Iterator[Sequence[VimFromFile]]:
    """Cut VIMs into what fits into one call."""
    batch: list[VimFromFile] = []
    size = values = 0
    for vim in vims:
        own_size, own_values = vim.entry.ByteSize(), _count_values(vim.entry)
        too_many = size + own_size > MAX_BATCH_BYTES or values + own_values > MAX_BATCH_VALUES
        if batch and (len(batch) == _BATCH or too_many):
            yield batch
            batch, size, values = [], 0, 0
        batch.append(vim)
        size, values = size + own_size, values + own_values
    if batch:
        yield batch


def _count_values(entry: pb.VimToApply) -> int:
    vim = entry.vim
    inside = sum(count_values(struct, MAX_FREE_FORM_VALUES) for struct in free_form_fields(vim).values())
    return len(vim.labels) + inside
