"""Defines how receivers are reached. Each kind of target has a class here.

`ssl_ca_cert` of each is PEM: the authorities that sign the certificate of the receiver; empty: those of the system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final


class EventMode(StrEnum):
    """How a CloudEvent is laid out in a request."""

    STRUCTURED = "STRUCTURED"
    BINARY = "BINARY"


class SmtpTls(StrEnum):
    STARTTLS = "STARTTLS"
    TLS = "TLS"
    NONE = "NONE"
    """Only to a loopback address."""


class AlarmVersion(StrEnum):
    """Documents of ETSI that define alarms."""

    SOL002 = "SOL002"
    SOL003 = "SOL003"


class WebhookMethod(StrEnum):
    POST = "POST"
    PUT = "PUT"


@dataclass(frozen=True, slots=True)
class AlertmanagerTarget:
    urls: tuple[str, ...]
    """The members of a cluster: all are told, and it suffices that one takes it."""
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    console_url: str = ""
    """Base of `generatorURL`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    ssl_ca_cert: str = ""


@dataclass(frozen=True, slots=True)
class CloudEventsTarget:
    url: str
    mode: EventMode = EventMode.STRUCTURED
    signing_secret: str = field(default="", repr=False)
    """`whsec_` and base64, after Standard Webhooks; empty: requests are not signed."""
    bearer_token: str = field(default="", repr=False)
    source: str = "/vimesh"
    ssl_ca_cert: str = ""


@dataclass(frozen=True, slots=True)
class EmailTarget:
    smtp_host: str
    smtp_port: int
    tls: SmtpTls
    from_address: str
    to: tuple[str, ...]
    username: str = ""
    password: str = field(default="", repr=False)
    subject_prefix: str = ""
    ssl_ca_cert: str = ""


@dataclass(frozen=True, slots=True)
class TackerTarget:
    url: str
    bearer_token: str = field(default="", repr=False)
    ssl_ca_cert: str = ""


@dataclass(frozen=True, slots=True)
class FaultManagementTarget:
    url: str
    version: AlarmVersion = AlarmVersion.SOL003
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    ssl_ca_cert: str = ""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    url: str = field(repr=False)
    """Secret: in the URLs of chats, the path proves who may write."""
    body_template: str
    method: WebhookMethod = WebhookMethod.POST
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Their values are secret."""
    content_type: str = "application/json"
    ssl_ca_cert: str = ""


Target = AlertmanagerTarget | CloudEventsTarget | EmailTarget | TackerTarget | FaultManagementTarget | WebhookTarget

KINDS: Final[Mapping[str, type[Target]]] = {
    "alertmanager": AlertmanagerTarget,
    "cloud_events": CloudEventsTarget,
    "email": EmailTarget,
    "tacker": TackerTarget,
    "fault_management": FaultManagementTarget,
    "webhook": WebhookTarget,
}
"""The targets by their names in the contract."""


_ENUMS: Final[Mapping[str, type[StrEnum]]] = {
    "mode": EventMode,
    "tls": SmtpTls,
    "version": AlarmVersion,
    "method": WebhookMethod,
}


def kind_of(target: Target) -> str:
    """Return the name of the kind of a target in the contract."""
    return next(kind for kind, target_type in KINDS.items() if isinstance(target, target_type))


def values_of(target: Target) -> dict[str, Any]:
    """Return the fields of a target, by their names in the contract, as JSON can hold them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(target).items()}


def target_of(kind: str, values: Mapping[str, Any]) -> Target:
    """Return the target with these fields: the reverse of `values_of`. Absent fields get their default."""
    return KINDS[kind](**{name: _field(name, value) for name, value in values.items()})


def _field(name: str, value: object) -> Any:  # noqa: ANN401 - of any field
    if name in _ENUMS:
        return _ENUMS[name](str(value))
    return tuple(value) if isinstance(value, list) else value
