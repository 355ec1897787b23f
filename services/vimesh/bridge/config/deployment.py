"""Collects the settings of the deployment: from flags first, then from its services' configuration files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vimesh.bridge.config.broker_tls import tls_context
from vimesh.bridge.config.config_files import SETTING, ServiceConfiguration, read_config_files
from vimesh.bridge.config.rabbit_options import RabbitOptions, check_together, with_query
from vimesh.bridge.config.topology import EXCHANGE, Topology, topology
from vimesh.bridge.config.transport_url import SETTING as URL_SETTING
from vimesh.bridge.config.transport_url import TransportUrl
from vimesh.domain.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Deployment:
    transport: TransportUrl
    options: RabbitOptions = field(default_factory=RabbitOptions)
    rpc_response_timeout_s: float | None = None
    """How long callers that state no timeout wait. None: not set."""
    files: tuple[Path, ...] = ()

    @property
    def topology(self) -> Topology:
        return topology(self.options)


def deployment(url: TransportUrl | None, files: Sequence[Path]) -> Deployment:
    """Merge a URL with the files: it overrides their URL, and its query their options. Raises BadSetting."""
    service = _service(url, files)
    transport = url or service.transport
    options = with_query(service.options, transport.query)
    try:
        check_together(options)
        tls_context(options)
    except ValueError as error:
        raise BadSetting(SETTING if files else URL_SETTING, str(error)) from None
    return Deployment(transport, options, service.rpc_response_timeout_s, tuple(files))


def _service(url: TransportUrl | None, files: Sequence[Path]) -> ServiceConfiguration:
    if files:
        return read_config_files(files)
    if url is not None:
        return ServiceConfiguration(url, RabbitOptions())
    raise BadSetting(URL_SETTING, f"is required, such as rabbit://user:password@host:5672/; or {SETTING} tacker.conf")


def describe_settings(what: Deployment) -> Mapping[str, object]:
    """Return the settings in force for the log, without user names and passwords."""
    options = what.options
    kind = what.topology
    return {
        "broker": what.transport.places,
        "virtual_host": what.transport.virtual_host,
        "tls": options.ssl,
        "login": options.rabbit_login_method,
        "exchange": EXCHANGE,
        "durable": kind.durable,
        "auto_delete": kind.auto_delete,
        "queue_arguments": ",".join(f"{name}={value}" for name, value in kind.arguments.items()) or "none",
        "config_files": ",".join(map(str, what.files)) or "none",
    }
