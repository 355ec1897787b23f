"""Writes the file of rejected VIMs, to be fixed and imported again."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from vimesh.cli.input.field_names import REJECTED
from vimesh.cli.input.file_entries import Flaw
from vimesh.cli.vim_import.file_source.batch_results import Refusal
from vimesh.domain.errors import BadSetting
from vimesh.v1.vim_pb2 import Monitor
from vimesh.v1.vim_service_pb2 import RegisterVimRequest

_SETTING = "--rejects"


def require_place(path: Path, imported: Path) -> None:
    """Raise BadSetting if the file cannot be written at the end, or is the file being imported."""
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise BadSetting(_SETTING, f"{path} cannot be written")
    if path.exists() and imported.exists() and path.samefile(imported):
        # Replacing it would lose the VIMs that were not tried.
        raise BadSetting(_SETTING, f"{path} is the file being imported; choose another one")


def write(path: Path, flaws: Iterable[Flaw], refusals: Iterable[Refusal]) -> None:
    """Write JSON Lines that only the owner can read, because they hold credentials. Raises BadSetting."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".rejects-")  # creates it with mode 0600
        try:
            # A lone surrogate, which JSON can express and UTF-8 cannot, is written as an escape, as it was read.
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                for document in itertools.chain(_of_flaws(flaws), _of_refusals(refusals)):
                    file.write(json.dumps(_plain(document), ensure_ascii=False, default=str) + "\n")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise BadSetting(_SETTING, f"{path} cannot be written: {error.strerror}") from error


def _plain(value: object) -> object:
    """Return the value with all keys as text: keys in YAML may be dates or lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _of_flaws(flaws: Iterable[Flaw]) -> Iterator[dict[object, object]]:
    for flaw in flaws:
        if flaw.entry is not None:
            content = {key: value for key, value in flaw.entry.content.items() if key != REJECTED}
            yield {REJECTED: flaw.description, **content}


def _of_refusals(refusals: Iterable[Refusal]) -> Iterator[dict[str, object]]:
    for refusal in refusals:
        request = RegisterVimRequest.FromString(refusal.waiting.request)
        yield {REJECTED: refusal.why, **_document(request)}


def _document(request: RegisterVimRequest) -> Mapping[str, object]:
    """Return an entry that yields the same request again."""
    content: dict[str, object] = MessageToDict(request.vim, preserving_proto_field_name=True)
    if request.vim_id:
        content["id"] = request.vim_id
    if request.engine:
        content["engine"] = Monitor.Engine.Name(request.engine).lower()
    return content
