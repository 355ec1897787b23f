"""Runs the `vimesh` command as users do."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vimesh.cli.main import main

VIMESH = [sys.executable, "-m", "vimesh.cli"]


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment without the developer's own settings and profiles."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("VIMESH_")}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", "NO_COLOR": "1", "PYTHONWARNINGS": "error", **more}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - what JSON holds
        return json.loads(self.out)


AsyncUser = Callable[..., Awaitable[Ended]]
"""A user who types a command while the test's own loop serves it."""


@dataclass(frozen=True)
class Command:
    """A user at a shell, in a folder of their own. The command runs in this process: starting one takes 0.3 s."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def config_home(self) -> Path:
        """The folder of the user's own settings."""
        return self.folder / ".config"

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as shell, chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
            for key in os.environ:
                if key.startswith("VIMESH_"):
                    shell.delenv(key)
            given = {"XDG_CONFIG_HOME": str(self.config_home), **self.environment, **environment}
            for key, value in given.items():
                shell.setenv(key, value)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())
