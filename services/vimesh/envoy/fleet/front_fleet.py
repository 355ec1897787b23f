"""Defines everything that Envoy must know to be the front of a fleet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.front_security import FrontSecurity

ANY_PORT = 0
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7600
STDOUT = "-"
MAX_SOCKET_PATH = 107
"""Maximum length of the path of a unix socket in the kernel, in bytes."""


@dataclass(frozen=True, slots=True, order=True)
class ListenAddress:
    """An IP address and a port. Host names are not allowed, because Envoy does not resolve them in endpoint files."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Door: TypeAlias = ListenAddress | Path
"""Where a process listens: a port, or a unix socket."""


def door_target(door: Door) -> str:
    """Return the address as gRPC clients take it: `ip:port`, or `unix:` and a path."""
    return str(door) if isinstance(door, ListenAddress) else f"unix:{door}"


@dataclass(frozen=True, slots=True)
class ClusterHost:
    """A process behind the front."""

    address: Door
    health: Door | None = None
    """Where its health checks are answered; None: where it serves."""


@dataclass(frozen=True, slots=True)
class ClusterName:
    """A DNS name that stands for all processes at its addresses, such as that of a headless Service in Kubernetes."""

    name: str
    port: int
    health_port: int | None = None
    """Where their health checks are answered; None: where they serve."""


ClusterHosts: TypeAlias = tuple[ClusterHost, ...] | ClusterName
"""Processes by their addresses, which may change while Envoy runs, or by a name that Envoy looks up by itself."""


@dataclass(frozen=True, slots=True)
class FrontTracing:
    endpoint: ListenAddress
    """The OpenTelemetry collector, which takes OTLP over gRPC."""
    sampling_percent: float = 0.0
    """Which part of the calls is traced whose callers say nothing about it."""
    callers: bool = True
    """Whether callers may have their calls traced (`traceparent`)."""


@dataclass(frozen=True, slots=True)
class FrontFleet:
    conductors: ClusterHosts
    """May be empty while a fleet starts; a fleet file must name at least one."""
    api: ClusterHosts = ()
    """The HTTP processes that serve /v1.0/; without any, the path does not exist, unless `expects_api` is set."""
    console: ClusterHosts = ()
    """The HTTP processes that serve /console/ and /status/, as with `api` and `expects_console`."""
    front: ListenAddress = ListenAddress(DEFAULT_HOST, DEFAULT_PORT)
    """Port 0: any free port; `/listeners` of the admin interface shows it."""
    reports: Door | None = None
    """A second listener for reporters, with its own connection limit. None: reporters use the front, as people do."""
    admin: Door | None = None
    """Loopback address (port 0: any free port) or path of a unix socket. None: no admin interface."""
    directory: str | None = None
    """Directory in which Envoy finds the rendered files; default: where they are written."""
    access_log: str | None = None
    """File that gets one line of JSON for each request; STDOUT: Envoy's standard output. None: no access log."""
    origins: tuple[str, ...] = ()
    """Origins of the pages that may use the front, as browsers write them."""
    hosts: tuple[str, ...] = ()
    """Host names under which the front may be called; empty: any."""
    http_1_0: bool = False
    """Whether callers may use HTTP/1.0, as nginx does by default towards its upstream servers."""
    connect: bool = False
    """Whether callers may use the Connect protocol, through a filter that Envoy documents as work in progress."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies in front of the mesh whose X-Forwarded-* headers on callers and addresses are trusted."""
    security: FrontSecurity | None = None
    """How callers prove who they are. None: anyone may do anything."""
    tracing: FrontTracing | None = None
    """Where the front sends spans of the calls that come by its first door. None: it makes none."""
    expects_api: bool = False
    """Whether HTTP processes will be added later: the path exists, and answers 503 until then."""
    expects_console: bool = False

    @property
    def with_api(self) -> bool:
        return bool(self.api) or self.expects_api

    @property
    def with_console(self) -> bool:
        return bool(self.console) or self.expects_console

    def __post_init__(self) -> None:
        if isinstance(self.admin, ListenAddress) and not ip_address(self.admin.host).is_loopback:
            raise BadSetting("admin.address", "must be a loopback address: anyone who can reach it can stop Envoy")
        if isinstance(self.admin, ListenAddress) and self.security is not None:
            raise BadSetting("admin.port", "must be a socket in a secured fleet: any local user can reach a port")
        for name, door in (("admin", self.admin), ("reports", self.reports)):
            if isinstance(door, Path) and not fits_socket(door):
                raise BadSetting(f"{name}.socket", f"must not be longer than {MAX_SOCKET_PATH} bytes")


def fits_socket(path: Path) -> bool:
    """Return whether the path is short enough for a unix socket."""
    return len(bytes(path)) <= MAX_SOCKET_PATH
