"""Writes the files that Envoy reads. Each is replaced atomically, so Envoy never sees half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

import yaml

from vimesh.envoy import doors
from vimesh.envoy.bootstrap import BOOTSTRAP_FILE, bootstrap, endpoint_file
from vimesh.envoy.doors.json_door import DESCRIPTION_FILE
from vimesh.envoy.fleet.cluster_endpoints import endpoints
from vimesh.envoy.fleet.front_fleet import ClusterHost, ClusterName, FrontFleet
from vimesh.envoy.identity.tls_sockets import secret_files
from vimesh.envoy.listeners import DESCRIPTOR_FILE
from vimesh.envoy.traffic import clusters

# libyaml writes the files of a local fleet in 0.1 s, and PyYAML's own emitter in more than a second.
_BASE: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_HEADER = "# Rendered from a fleet file by `vimesh envoy render`: edit that file instead.\n"


def render(fleet: FrontFleet, directory: Path) -> Path:
    """Write the bootstrap and all files that it refers to into `directory`. Return the path of the bootstrap."""
    directory.mkdir(parents=True, exist_ok=True)
    _replace(directory / DESCRIPTOR_FILE, files("vimesh.v1").joinpath("contract.binpb").read_bytes())
    _replace(directory / DESCRIPTION_FILE, files(doors).joinpath(DESCRIPTION_FILE).read_bytes())
    if not isinstance(fleet.conductors, ClusterName):
        write_endpoints(directory, clusters.CONDUCTORS, fleet.conductors)
    if fleet.with_api and not isinstance(fleet.api, ClusterName):
        write_endpoints(directory, clusters.API, fleet.api)
    if fleet.with_console and not isinstance(fleet.console, ClusterName):
        write_endpoints(directory, clusters.CONSOLE, fleet.console)
    if fleet.security is not None:
        for name, document in secret_files(fleet.security):
            _replace(directory / name, _yaml(document))
    path = directory / BOOTSTRAP_FILE
    _replace(path, _yaml(bootstrap(fleet, fleet.directory or str(directory.resolve()))))
    return path


def write_endpoints(directory: Path, service: str, hosts: Iterable[ClusterHost]) -> None:
    """Replace the hosts of a service. A running Envoy applies them at once, without dropping calls."""
    _replace(directory / endpoint_file(service), _yaml(endpoints(service, hosts)))


def _yaml(document: dict[str, object]) -> bytes:
    return (_HEADER + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=115)).encode()


def _replace(path: Path, content: bytes) -> None:
    # Envoy notices a file that is moved into place, but not one that is overwritten.
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(content)
    scratch = Path(file.name)
    scratch.chmod(0o644)
    os.replace(scratch, path)  # noqa: PTH105


class _Plain(_BASE):  # type: ignore[misc]  # one of two classes
    """Dumps without anchors: shared parts are written out in full, for human readers."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True
