"""Recognizes what kind of file a document is of, and names the kinds that hold no VIMs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from vimesh.cli.input.field_names import TACKERS


class FileKind(Enum):
    VIMS = auto()
    """The fields of one VIM, or what nothing else is recognized by."""
    CLOUDS = auto()
    KUBECONFIG = auto()
    TACKER = auto()
    """A VIM file of Tacker: it has no name."""


class OtherKind(Exception):
    """The document is of a kind that holds no VIMs. The message says which, and what to do."""


TAKEN: Final = "a file of VIMs, a clouds.yaml, a kubeconfig, an openrc file or a VIM file of Tacker"
"""What can be read."""
_OTHERS: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (("public-clouds",), "a clouds-public.yaml", "it describes profiles: import the clouds.yaml that uses them"),
    (("receivers",), "a file of receivers", "use vimesh receiver apply --file FILE"),
    (("heat_template_version",), "a template of Heat", ""),
    (("tosca_definitions_version",), "a TOSCA template", ""),
    (("AWSTemplateFormatVersion",), "a template of CloudFormation", ""),
    (("scrape_configs",), "a configuration of Prometheus", ""),
    (("static_resources",), "a configuration of Envoy", ""),
    (("admin", "listeners"), "a configuration of Envoy", ""),
    (("terraform_version",), "a state of Terraform", ""),
    (("private_key_id", "client_email"), "a key of a Google service account", ""),
    (("openapi", "paths"), "a description of an API", ""),
    (("conductors", "front"), "a fleet file", "use vimesh envoy render FILE"),
    (("services",), "a file of Docker Compose", ""),
    (("all",), "an inventory of Ansible", ""),
)
"""Keys that tell a kind, what it is called, and what to do instead."""
_SHOWN: Final = 60


def kind_of(content: Mapping[Any, Any]) -> FileKind:
    """Return the kind of a document. Raises OtherKind."""
    kind, version = content.get("kind"), content.get("apiVersion")
    if isinstance(kind, str) and (isinstance(version, str) or "metadata" in content):
        if kind == "Config" and version in (None, "v1") and "metadata" not in content:
            return FileKind.KUBECONFIG
        raise OtherKind(_kubernetes(kind))
    if isinstance(content.get("clusters"), list) and ("contexts" in content or "users" in content):
        return FileKind.KUBECONFIG
    if "clouds" in content:
        return FileKind.CLOUDS
    if "name" in content:
        return FileKind.VIMS
    if TACKERS & {key for key in content if isinstance(key, str)}:
        return FileKind.TACKER
    for keys, called, instead in _OTHERS:
        if all(key in content for key in keys):
            raise OtherKind(f"is {called}, not {TAKEN}" + (f": {instead}" if instead else ""))
    return FileKind.VIMS


def _kubernetes(kind: str) -> str:
    said = f"is a Kubernetes {kind[:_SHOWN]}, not a kubeconfig"
    if kind == "Secret":
        return f"{said}: if it holds one, write what its data decode to into a file, and import that"
    return f"{said}: kubectl config view --raw --flatten prints one"
