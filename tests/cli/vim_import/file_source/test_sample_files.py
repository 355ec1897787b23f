"""The files of VIMs under samples/ can be imported as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.deployments.conductor_process import conductor_in

SAMPLES = Path(__file__).parents[4] / "samples"


@pytest.mark.parametrize("name", ["vims.yaml", "vims.csv"])
def test_a_sample_is_fit(vimesh: Command, name: str) -> None:
    done = vimesh("vim", "import", str(SAMPLES / name), "--dry-run=client")

    assert (done.code, done.err) == (0, "2 VIMs: all valid\ndry run: nothing was changed\n")


def test_the_samples_go_together(tmp_path: Path) -> None:
    with conductor_in(tmp_path) as conductor:
        vimesh = conductor.user(tmp_path)
        for name, file in (("lab", "vim-openstack.yaml"), ("edge", "vim-kubernetes.yaml")):
            assert vimesh("vim", "register", name, "--config-file", str(SAMPLES / file)).code == 0

        assert vimesh("vim", "import", str(SAMPLES / "vims.yaml")).err == "2 VIMs: 2 registered\n"
        assert vimesh("vim", "import", str(SAMPLES / "vims.csv")).err == "2 VIMs: 2 already present\n"
