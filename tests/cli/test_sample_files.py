"""The files of VIMs under samples/ can be imported as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Command

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("name", ["vims.yaml", "vims.csv"])
def test_a_sample_is_fit(vimesh: Command, name: str) -> None:
    done = vimesh("vim", "import", str(SAMPLES / name), "--dry-run")

    assert (done.code, done.err) == (0, "2 VIMs: all are fit to be registered. Nothing was changed\n")
