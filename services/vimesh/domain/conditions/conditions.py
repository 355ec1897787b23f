"""Defines conditions: what probes saw of a VIM besides whether it can be reached."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REACHABLE: Final = "Reachable"
"""Follows from the status, and is never reported."""
SERVICE_READY: Final = "ServiceReady"
LOGGED_IN: Final = "LoggedIn"
CERTIFICATE_VALID: Final = "CertificateValid"
ENDPOINT_PREFIX: Final = "Endpoint/"
"""Precedes the type of a service in the catalogue of an OpenStack cloud: `Endpoint/compute`."""


class ConditionStatus(StrEnum):
    """Kubernetes' three values."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    UNKNOWN = "UNKNOWN"
    """The monitor could not tell."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it was seen."""

    type: str
    status: ConditionStatus
    reason: str
    """A word in upper case, such as `EXPIRED`; empty if there is nothing to explain."""
    message: str
    """An explanation for people, without secrets; at most 512 characters."""


@dataclass(frozen=True, slots=True)
class TimedCondition:
    """A condition with the time since when it has its status."""

    type: str
    status: ConditionStatus
    reason: str
    message: str
    transition_time: dt.datetime
    """By the database's clock."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate that a VIM showed in a TLS handshake."""

    subject: str
    """Distinguished name after RFC 4514."""
    issuer: str
    """Distinguished name after RFC 4514."""
    names: tuple[str, ...]
    """The DNS names and addresses that it is for, at most 100."""
    not_before: dt.datetime
    not_after: dt.datetime
    sha256: str
    """Fingerprint of its DER form, 64 hexadecimal digits."""
    chain_subjects: tuple[str, ...]
    """The subjects of the certificates that were sent with it, at most 10."""
    verified: bool | None
    """Whether it is valid for the name that was asked for, by the trusted CAs; None if nobody looked."""
    verify_error: str
    """Why it is not; empty if it is."""
