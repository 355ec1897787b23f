"""Replaces several files of a folder at one moment, so that no reader sees a key without its certificate.

As Kubernetes does with mounted secrets: the names in the folder are links through `..data`, which is itself a link to
the folder with the present files. Replacing that one link replaces all of them, and a watcher of the folder sees it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_CURRENT = "..data"
_NEXT = "..data.next"
_PREFIX = "..files."


def replace_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Make these the files of the folder, which only their owner can read. Other files stay. Raises OSError."""
    make_private(folder)
    generation = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    for name, content in contents.items():
        _write(generation / name, content)
    _sync(generation)
    _link(folder / _NEXT, generation.name)
    (folder / _NEXT).replace(folder / _CURRENT)
    for name in contents:
        if not (folder / name).is_symlink():
            _link(folder / _NEXT, f"{_CURRENT}/{name}")
            (folder / _NEXT).replace(folder / name)
    _sync(folder)
    for former in folder.glob(f"{_PREFIX}*"):
        if former != generation:
            shutil.rmtree(former, ignore_errors=True)


def replace_file(path: Path, content: bytes) -> None:
    """Replace one file, which only its owner can read, in a folder that exists. Raises OSError."""
    scratch = path.with_name(f"{path.name}.new")
    _write(scratch, content)
    scratch.replace(path)


def make_private(folder: Path) -> None:
    """Create a folder, and those that it is in, for their owner alone; leave alone what exists. Raises OSError."""
    if not folder.exists():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _link(path: Path, target: str) -> None:
    with suppress(FileNotFoundError):
        path.unlink()  # a process that was killed may have left one
    path.symlink_to(target)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
