"""Reads the manifests of deploy/kubernetes, as they are and as kustomize builds them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from tests.docs.shell_blocks import ROOT

FOLDER = ROOT / "deploy/kubernetes"
FLEET_FILE = FOLDER / "base/fleet.yaml"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "app.kubernetes.io/part-of"
WORKLOADS = ("Deployment", "Job", "StatefulSet")
_KUSTOMIZE_S = 60

Manifest: TypeAlias = Mapping[str, Any]


def documents(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


def _written() -> Iterator[Manifest]:
    for path in sorted(FOLDER.glob("*/*.yaml")):
        if path.name not in {"kustomization.yaml", FLEET_FILE.name}:
            yield from documents(path.read_text())


MANIFESTS = list(_written())


def of_kind(*kinds: str) -> list[Manifest]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] in kinds]


def name_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def pod_of(workload: Manifest) -> Manifest:
    """Return the specification of its pods."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def containers_of(workload: Manifest) -> list[Manifest]:
    pod = pod_of(workload)
    return [*pod.get("initContainers", ()), *pod["containers"]]


def component_of(workload: Manifest) -> str:
    return str(workload["spec"]["template"]["metadata"]["labels"][COMPONENT])


def ports_of(component: str) -> set[int]:
    """Return the ports on which the pods of a component listen for others."""
    [workload] = [one for one in of_kind(*WORKLOADS) if component_of(one) == component]
    return {port["containerPort"] for container in containers_of(workload) for port in container.get("ports", ())}


def built(folder: Path) -> list[Manifest]:
    """Return what kustomize makes of a folder."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=False, timeout=_KUSTOMIZE_S
    )
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def overlay(folder: Path, text: str) -> Path:
    """Write an overlay beside a copy of the folders here, which it names `../base` and so on; return its folder."""
    shutil.copytree(FOLDER, folder / "kubernetes")
    own = folder / "kubernetes" / "own"
    own.mkdir()
    (own / "kustomization.yaml").write_text(text)
    return own
