"""Lets Envoy itself validate a bootstrap."""

from __future__ import annotations

import subprocess
from pathlib import Path

from vimesh.domain.errors import BadSetting

LIMIT_S = 20.0


def validate(bootstrap_path: Path, binary: str, *, limit_s: float = LIMIT_S) -> None:
    """Raise BadSetting with Envoy's own message if it would not start with the bootstrap.

    Envoy runs in the directory of the bootstrap, to which relative paths in it refer.
    """
    command = [binary, "--mode", "validate", "--config-path", str(bootstrap_path.resolve()), "--log-level", "error"]
    try:
        done = subprocess.run(  # noqa: S603 - the binary is the operator's choice
            command, cwd=bootstrap_path.parent, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BadSetting(str(bootstrap_path), f"envoy did not finish within {limit_s:g} s") from error
    except OSError as error:
        raise BadSetting(binary, f"cannot be run: {error.strerror}") from error
    if done.returncode:
        raise BadSetting(str(bootstrap_path), f"envoy rejects it: {(done.stderr or done.stdout).strip()}")
