"""Reads the fleet file: YAML with the addresses of a fleet and the settings of its front."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.fleet_callers import host_name, host_names, networks, origins_in
from vimesh.envoy.fleet.fleet_security import security_in
from vimesh.envoy.fleet.fleet_values import flag_of, mapping_of, percent_of, required_text, text_of
from vimesh.envoy.fleet.front_fleet import (
    ANY_PORT,
    DEFAULT_HOST,
    DEFAULT_PORT,
    STDOUT,
    ClusterHost,
    ClusterHosts,
    ClusterName,
    Door,
    FrontFleet,
    FrontTracing,
    ListenAddress,
)
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.read_files import read_text
from vimesh.files.yaml_values import read_yaml

_PORT_DIGITS = 5
_KEYS = {
    *("conductors", "api", "console", "front", "reports", "admin", "directory", "access_log"),
    *("cors", "hosts", "http_1_0", "connect", "trusted_proxies", "security", "tracing"),
}


def address(setting: str, text: object) -> ListenAddress:
    """Read `ip:port`. Raises BadSetting with the setting's name."""
    host, colon, port = str(text).rpartition(":")
    if not colon:
        raise BadSetting(setting, f"must be ip:port, not {text!r}")
    return ListenAddress(_ip(setting, host.removeprefix("[").removesuffix("]")), _port(setting, port))


def read(path: Path) -> FrontFleet:
    """Read a fleet file. Raises BadSetting, which names the key, or the file if it cannot be read."""
    try:
        return parse(read_text(path, MAX_DOCUMENT_BYTES))
    except OSError as error:
        raise BadSetting(str(path), error.strerror or "cannot be read") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from error


def parse(text: str) -> FrontFleet:
    try:
        document = read_yaml(text)
    except BadFile as error:
        raise BadSetting("fleet", f"is not a valid fleet file: {error}") from error
    settings = mapping_of("fleet", document, _KEYS)
    conductors = _cluster("conductors", settings.get("conductors"), with_health=True)
    if not conductors:
        raise BadSetting("conductors", "must name at least one ip:port")
    return FrontFleet(
        conductors=conductors,
        api=_cluster("api", settings.get("api"), with_health=False),
        console=_cluster("console", settings.get("console"), with_health=False),
        front=_front(settings.get("front")),
        reports=_door("reports", settings.get("reports")),
        admin=_door("admin", settings.get("admin")),
        directory=text_of("directory", settings.get("directory")),
        access_log=_access_log(settings),
        origins=origins_in(mapping_of("cors", _or_empty(settings.get("cors")), {"origins"})),
        hosts=host_names("hosts", settings.get("hosts") or []),
        http_1_0=flag_of("http_1_0", settings.get("http_1_0", False)),
        connect=flag_of("connect", settings.get("connect", False)),
        trusted_proxies=networks("trusted_proxies", settings.get("trusted_proxies") or []),
        security=security_in(settings.get("security")),
        tracing=_tracing(settings.get("tracing")),
    )


def _access_log(settings: Mapping[str, object]) -> str | None:
    """Read the path of the log. A secured fleet has a log unless it says `false`."""
    value = settings.get("access_log")
    if value is False:
        return None
    if value is None and settings.get("security") is not None:
        return STDOUT
    return text_of("access_log", value)


def _front(value: object) -> ListenAddress:
    given = mapping_of("front", value or {}, {"address", "port"})
    return ListenAddress(
        _ip("front.address", given.get("address", DEFAULT_HOST)),
        _port("front.port", given.get("port", DEFAULT_PORT), lowest=ANY_PORT),
    )


def _tracing(value: object) -> FrontTracing | None:
    """Read `{endpoint: ip:port, sampling_percent, callers}`."""
    if value is None:
        return None
    given = mapping_of("tracing", value, {"endpoint", "sampling_percent", "callers"})
    default = FrontTracing(address("tracing.endpoint", given.get("endpoint")))
    return FrontTracing(
        default.endpoint,
        percent_of("tracing.sampling_percent", given.get("sampling_percent", default.sampling_percent)),
        flag_of("tracing.callers", given.get("callers", default.callers)),
    )


def _door(setting: str, value: object) -> Door | None:
    """Read `{address, port}` or `{socket}`."""
    if value is None:
        return None
    given = mapping_of(setting, value, {"address", "port", "socket"})
    if "socket" in given:
        if len(given) > 1:
            raise BadSetting(f"{setting}.socket", f"cannot be combined with {setting}.address or {setting}.port")
        return Path(text_of(f"{setting}.socket", given["socket"] or "") or "")
    if "port" not in given:
        raise BadSetting(f"{setting}.port", f"is required unless {setting}.socket is given")
    host = _ip(f"{setting}.address", given.get("address", DEFAULT_HOST))
    return ListenAddress(host, _port(f"{setting}.port", given["port"], lowest=ANY_PORT))


def _cluster(setting: str, value: object, *, with_health: bool) -> ClusterHosts:
    """Read a list of addresses, or `{name: host:port, health_port}` for all addresses of a name."""
    if value is None:
        return ()
    if isinstance(value, dict):
        return _cluster_name(setting, value, with_health=with_health)
    if not isinstance(value, list):
        raise BadSetting(setting, "must be a list of ip:port, or a mapping with a name")
    hosts = tuple(
        _host(f"{setting}[{index}]", item) if with_health else ClusterHost(address(f"{setting}[{index}]", item))
        for index, item in enumerate(value)
    )
    if len({host.address for host in hosts}) < len(hosts):
        raise BadSetting(setting, "contains an address twice")
    return hosts


def _cluster_name(setting: str, value: object, *, with_health: bool) -> ClusterName:
    given = mapping_of(setting, value, {"name", "health_port"} if with_health else {"name"})
    name = f"{setting}.name"
    host, _, port = required_text(name, given.get("name")).rpartition(":")
    health = given.get("health_port")
    return ClusterName(
        host_name(name, host), _port(name, port), None if health is None else _port(f"{setting}.health_port", health)
    )


def _host(setting: str, value: object) -> ClusterHost:
    """Read `ip:port` or `{address: ip:port, health_port}`."""
    if not isinstance(value, dict):
        return ClusterHost(address(setting, value))
    given = mapping_of(setting, value, {"address", "health_port"})
    serving = address(f"{setting}.address", given.get("address"))
    if given.get("health_port") is None:
        return ClusterHost(serving)
    return ClusterHost(serving, ListenAddress(serving.host, _port(f"{setting}.health_port", given["health_port"])))


def _or_empty(value: object) -> object:
    return {} if value is None else value


def _ip(setting: str, value: object) -> str:
    try:
        return str(ip_address(str(value)))
    except ValueError as error:
        raise BadSetting(setting, f"must be an IP address, not {value!r}") from error


def _port(setting: str, value: object, lowest: int = 1) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS) or not lowest <= int(text) <= 65535:
        raise BadSetting(setting, f"must be a port from {lowest} to 65535, not {value!r}")
    return int(text)
