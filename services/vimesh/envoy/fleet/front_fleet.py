"""What Envoy must know to stand in front of a fleet, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from vimesh.domain.errors import BadSetting

ANY_PORT = 0
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7600
MAX_SOCKET_PATH = 107
"""What the kernel takes as the path of a unix socket, in bytes."""


@dataclass(frozen=True, slots=True, order=True)
class ListenAddress:
    """An IP address and a port. No host names: Envoy does not look names up in endpoint files."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ClusterHost:
    """A process behind the front."""

    address: ListenAddress
    health_port: int | None = None
    """Where it says whether it serves; None: where it serves."""


@dataclass(frozen=True, slots=True)
class FrontFleet:
    conductors: tuple[ClusterHost, ...]
    """May be empty while a fleet starts; a fleet file must name one."""
    api: tuple[ClusterHost, ...] = ()
    """The HTTP processes under /v1.0/; without them the path does not exist, unless they are expected."""
    front: ListenAddress = ListenAddress(DEFAULT_HOST, DEFAULT_PORT)
    """Port 0: any free one; `/listeners` of the admin interface tells which."""
    reports: ListenAddress | Path | None = None
    """A second door with connections of its own, for what reports. None: reporters use the front, beside people."""
    admin: ListenAddress | Path | None = None
    """Loopback address (port 0: any free one) or path of a unix socket. None: no admin interface."""
    directory: str | None = None
    """Where Envoy finds the rendered files; by default where they are written."""
    access_log: str | None = None
    """File that gets one JSON line for each request. None: no access log."""
    origins: tuple[str, ...] = ()
    """Of pages that may use the front, as browsers write them."""
    hosts: tuple[str, ...] = ()
    """Names by which the front is called; empty: any."""
    http_1_0: bool = False
    """Whether callers may speak HTTP/1.0, as nginx does to what is behind it unless it is told otherwise."""
    connect: bool = False
    """Whether callers may speak the Connect protocol, by a filter that Envoy calls work in progress."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies before the front, whose word on callers and addresses counts (X-Forwarded-*)."""
    expects_api: bool = False
    """Whether HTTP processes come later: the path exists, and says 503 until then."""

    @property
    def with_api(self) -> bool:
        return bool(self.api) or self.expects_api

    def __post_init__(self) -> None:
        if isinstance(self.admin, ListenAddress) and not ip_address(self.admin.host).is_loopback:
            raise BadSetting("admin.address", "must be a loopback address: who reaches it can stop Envoy")
        for name, door in (("admin", self.admin), ("reports", self.reports)):
            if isinstance(door, Path) and not fits_socket(door):
                raise BadSetting(f"{name}.socket", f"must not be longer than {MAX_SOCKET_PATH} bytes")


def fits_socket(path: Path) -> bool:
    """Whether a unix socket can have the path."""
    return len(bytes(path)) <= MAX_SOCKET_PATH
