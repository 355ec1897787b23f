"""The fronts of a run: one, as `vimesh up` has it, or several at which clients find the next when one is stopped."""

from __future__ import annotations

import asyncio
import shutil
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.robustness.releases import Installation
from tests.support.clouds.targets import free_port
from vimesh.cli.local_fleet.fleet_processes import Members
from vimesh.envoy import write_files
from vimesh.envoy.bootstrap import endpoint_file
from vimesh.envoy.fleet.front_fleet import FrontFleet, ListenAddress
from vimesh.envoy.traffic import clusters

ENVOY = "envoy"
_ASK_S = 10.0
_FILE = """
directory: {folder}
front: {{address: {front.host}, port: {front.port}}}
admin: {{address: {admin.host}, port: {admin.port}}}
conductors: [{{address: "127.0.0.1:1"}}]
api: ["127.0.0.1:1"]
"""
"""The addresses of conductors and api processes change with each start: they are kept as they are."""
_ENDPOINTS = {endpoint_file(cluster) for cluster in (clusters.CONDUCTORS, clusters.API)}


@dataclass(frozen=True, slots=True)
class Front:
    name: str
    folder: Path
    address: ListenAddress
    admin: ListenAddress

    @property
    def bootstrap(self) -> Path:
        return self.folder / "bootstrap.yaml"

    async def render(self, release: Installation | None) -> None:
        """Write what it reads when it starts as a release does; None: all of it as this checkout does."""
        if release is None:
            write_files.render(FrontFleet(conductors=(), front=self.address), self.folder)
            return
        rendered = self.folder / "rendered"
        rendered.mkdir(parents=True, exist_ok=True)
        file = self.folder / "fleet.yaml"
        file.write_text(_FILE.format(folder=self.folder, front=self.address, admin=self.admin))
        await release.run("envoy", "render", str(file), "--output", str(rendered))
        for path in rendered.iterdir():
            if path.name not in _ENDPOINTS:
                # One that runs has read it.
                shutil.copyfile(path, self.folder / path.name)

    async def drain(self) -> None:
        """Let it take no connection any more, and ask callers to leave."""
        for path in ("drain_listeners", "healthcheck/fail"):
            await asyncio.to_thread(self._post, path)

    def _post(self, path: str) -> None:
        request = urllib.request.Request(f"http://{self.admin}/{path}", method="POST")
        with urllib.request.urlopen(request, timeout=_ASK_S) as answer:
            assert answer.status == 200


class FrontMembers(Members):
    """Writes the members in the folder of each front."""

    def __init__(self, fronts: Sequence[Front], cluster: str) -> None:
        super().__init__(fronts[0].folder, cluster)
        self._others = [front.folder for front in fronts[1:]]
        self._write()

    def _write(self) -> None:
        super()._write()
        for folder in self._others:
            write_files.write_endpoints(folder, self._cluster, self._serving.values())


def fronts_in(folder: Path, count: int) -> list[Front]:
    """Return fronts whose files are in folders of their own, which are not there so far."""
    names = [ENVOY, *(f"{ENVOY}-{number}" for number in range(2, count + 1))]
    return [Front(name, folder / name, _loopback(), _loopback()) for name in names]


def _loopback() -> ListenAddress:
    return ListenAddress("127.0.0.1", free_port())


def target_of(fronts: Sequence[Front]) -> str:
    """Return a target of gRPC: of several fronts, its clients take the first that they reach."""
    addresses = ",".join(str(front.address) for front in fronts)
    return addresses if len(fronts) == 1 else f"ipv4:{addresses}"
