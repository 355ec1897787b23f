"""Finds the programs of samples/README.md, which do the same in each language."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "samples"
LANGUAGES = ("cpp", "go", "java", "perl", "ruby", "typescript")
NODE = shutil.which("node") or "node"
CALLS = Path(__file__).with_name("client_calls.mjs")
"""Scenarios with the TypeScript client."""

Program = tuple[str | Path, ...]


def program_in(language: str) -> Program | None:
    """Return the command of a sample; None if its language is not to be had here."""
    built = SAMPLES / language / ("dist/sample.js" if language == "typescript" else "build/client")
    if not built.exists():
        return None
    return (NODE, built) if language == "typescript" else (built,)


def built_program(language: str) -> Program:
    program = program_in(language)
    if program is None:
        pytest.skip(f"samples/{language} is not built: `make .cache/samples/{language}` says why")
    return program
