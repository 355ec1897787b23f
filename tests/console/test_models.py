"""What the console computes without a page, tried by the test runner of Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.console.console_walk import WEB

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("node") is None, reason="no Node is installed here"),
    pytest.mark.skipif(not (WEB / "node_modules").exists(), reason="`make console` installs what bundles them"),
]


def test_models(tmp_path: Path) -> None:
    script = Path(__file__).with_name("models") / "run_models.mjs"
    run = subprocess.run(["node", script, tmp_path], capture_output=True, text=True, check=False, timeout=100)

    assert run.returncode == 0, run.stdout + run.stderr
