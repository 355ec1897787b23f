"""Chooses where the sockets of an embedded fleet are: nobody else on the machine can get around the front."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vimesh.cli.base.exits import Failure
from vimesh.envoy.fleet.front_fleet import fits_socket

_LONGEST_NAME = "conductor-64.channelz"


@dataclass(frozen=True, slots=True)
class FleetSockets:
    """Unix sockets in a folder that only the user of the fleet can enter."""

    folder: Path

    @property
    def reports(self) -> Path:
        """Socket of the front that is reserved for the fleet's own processes."""
        return self.folder / "reports"

    def of(self, process: str) -> Path:
        """Return the socket on which a process serves."""
        return self.folder / process

    def health_of(self, process: str) -> Path:
        """Return the socket on which a process answers health checks."""
        return self.folder / f"{process}.health"

    def metrics_of(self, process: str) -> Path:
        """Return the socket on which a process serves its metrics."""
        return self.folder / f"{process}.metrics"

    def channelz_of(self, process: str) -> Path:
        """Return the socket on which a process serves gRPC's channelz."""
        return self.folder / f"{process}.channelz"

    @property
    def envoy_admin(self) -> Path:
        return self.folder / "envoy.admin"


@contextmanager
def fleet_sockets(data_dir: Path) -> Generator[FleetSockets]:
    """Yield the sockets of the fleet in a data directory. Raises Failure.

    They are in the directory itself, unless its path is too long for the kernel: then in a temporary folder.
    """
    folder = data_dir / "sockets"
    if not fits_socket(folder / _LONGEST_NAME):
        with tempfile.TemporaryDirectory(prefix="vimesh-") as short:  # created with mode 0700
            yield FleetSockets(Path(short))
        return
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        for left in folder.iterdir():
            left.unlink()  # of a fleet that was killed
    except OSError as error:
        raise Failure(f"{folder} cannot be used: {error.strerror}", hint="choose another --data-dir") from error
    try:
        yield FleetSockets(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what remains does no harm, and is removed at the next start
