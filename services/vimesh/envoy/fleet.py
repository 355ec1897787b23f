"""The fleet file: what Envoy must know to stand in front of a fleet, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import yaml

from vimesh.domain.errors import BadSetting

ANY_PORT = 0
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7600
MAX_SOCKET_PATH = 107
"""What the kernel takes as the path of a unix socket, in bytes."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An IP address and a port. No host names: Envoy does not look names up in endpoint files."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Fleet:
    conductors: tuple[Address, ...]
    """May be empty while a fleet starts; a fleet file must name one."""
    api: tuple[Address, ...] = ()
    """The HTTP processes under /v1.0/; without them the path does not exist, unless they are expected."""
    front: Address = Address(DEFAULT_HOST, DEFAULT_PORT)
    """Port 0: any free one; `/listeners` of the admin interface tells which."""
    admin: Address | Path | None = None
    """Loopback address (port 0: any free one) or path of a unix socket. None: no admin interface."""
    directory: str | None = None
    """Where Envoy finds the rendered files; by default where they are written."""
    access_log: str | None = None
    """File that gets one JSON line for each request. None: no access log."""
    expects_api: bool = False
    """Whether HTTP processes come later: the path exists, and says 503 until then."""

    @property
    def with_api(self) -> bool:
        return bool(self.api) or self.expects_api

    def __post_init__(self) -> None:
        if isinstance(self.admin, Address) and not ip_address(self.admin.host).is_loopback:
            raise BadSetting("admin.address", "must be a loopback address: who reaches it can stop Envoy")
        if isinstance(self.admin, Path) and len(bytes(self.admin)) > MAX_SOCKET_PATH:
            raise BadSetting("admin.socket", f"must not be longer than {MAX_SOCKET_PATH} bytes")


def address(setting: str, text: object) -> Address:
    """Read `ip:port`. Raises BadSetting with the setting's name."""
    host, colon, port = str(text).rpartition(":")
    if not colon:
        raise BadSetting(setting, f"must be ip:port, not {text!r}")
    return Address(_ip(setting, host.removeprefix("[").removesuffix("]")), _port(setting, port))


def read(path: Path) -> Fleet:
    """Read a fleet file. Raises BadSetting that names the key, or the file if it cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(str(path), error.strerror or "cannot be read") from error


def parse(text: str) -> Fleet:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadSetting("fleet", f"is not YAML: {error}") from error
    known = {"conductors", "api", "front", "admin", "directory", "access_log"}
    settings = _mapping("fleet", document, known)
    conductors = _addresses("conductors", settings.get("conductors"))
    if not conductors:
        raise BadSetting("conductors", "must name at least one ip:port")
    return Fleet(
        conductors=conductors,
        api=_addresses("api", settings.get("api")),
        front=_front(settings.get("front")),
        admin=_admin(settings.get("admin")),
        directory=_text("directory", settings.get("directory")),
        access_log=_text("access_log", settings.get("access_log")),
    )


def _front(value: object) -> Address:
    given = _mapping("front", value or {}, {"address", "port"})
    return Address(
        _ip("front.address", given.get("address", DEFAULT_HOST)),
        _port("front.port", given.get("port", DEFAULT_PORT), lowest=ANY_PORT),
    )


def _admin(value: object) -> Address | Path | None:
    if value is None:
        return None
    given = _mapping("admin", value, {"address", "port", "socket"})
    if "socket" in given:
        if len(given) > 1:
            raise BadSetting("admin.socket", "excludes admin.address and admin.port")
        return Path(_text("admin.socket", given["socket"] or "") or "")
    if "port" not in given:
        raise BadSetting("admin.port", "is required, unless admin.socket is given")
    host = _ip("admin.address", given.get("address", DEFAULT_HOST))
    return Address(host, _port("admin.port", given["port"], lowest=ANY_PORT))


def _addresses(setting: str, value: object) -> tuple[Address, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadSetting(setting, "must be a list of ip:port")
    found = tuple(address(f"{setting}[{index}]", item) for index, item in enumerate(value))
    if len(set(found)) < len(found):
        raise BadSetting(setting, "names an address twice")
    return found


def _mapping(setting: str, value: object, known: set[str]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadSetting(setting, "must be a mapping")
    prefix = "" if setting == "fleet" else f"{setting}."
    for key in value:
        if key not in known:
            raise BadSetting(f"{prefix}{key}", f"is not known here; known: {', '.join(sorted(known))}")
    return value


def _text(setting: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise BadSetting(setting, "must be a text")
    return value


def _ip(setting: str, value: object) -> str:
    try:
        return str(ip_address(str(value)))
    except ValueError as error:
        raise BadSetting(setting, f"must be an IP address, not {value!r}") from error


def _port(setting: str, value: object, lowest: int = 1) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()) or not lowest <= int(text) <= 65535:
        raise BadSetting(setting, f"must be a port from {lowest} to 65535, not {value!r}")
    return int(text)
