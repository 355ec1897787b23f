"""Says as conditions what a login came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vimesh.domain.conditions.conditions import ENDPOINT_PREFIX, LOGGED_IN, Condition, ConditionStatus
from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.bounded_client import ExchangeFailed
from vimesh.monitor.logins.clouds.service_catalog import ServiceCatalog
from vimesh.monitor.logins.clouds.token_request import NOT_SUPPORTED, LoginImpossible
from vimesh.monitor.probes.base.prober import LocalFault

UNAUTHORIZED: Final = "UNAUTHORIZED"
FORBIDDEN: Final = "FORBIDDEN"
CLOCK_SKEW: Final = "CLOCK_SKEW"
NO_CATALOG: Final = "NO_CATALOG"
NOT_IN_CATALOG: Final = "NOT_IN_CATALOG"
HELD_BACK: Final = "HELD_BACK"
_MAX_MESSAGE: Final = 512
_CANNOT_TELL: Final = frozenset({Reason.TIMEOUT, Reason.HOST_UNREACHABLE, Reason.NET_UNREACHABLE, NOT_SUPPORTED})
"""Nothing of the VIM answered, or nobody asked it, so nothing is known of the credentials."""

Failure = ExchangeFailed | LocalFault | LoginImpossible


@dataclass(frozen=True, slots=True)
class LoginResult:
    """What the VIM said to its credentials."""

    condition: Condition
    """LoggedIn."""
    is_refusal: bool = False
    """Whether it refused the credentials: trying them again soon may lock their user out."""
    catalog: ServiceCatalog | None = None
    """None: it has none, or nobody has seen it."""


@dataclass(frozen=True, slots=True)
class LoginOutcome:
    conditions: tuple[Condition, ...]
    """LoggedIn first, then those of the endpoints."""
    is_refusal: bool
    is_accepted: bool
    service_types: tuple[str, ...] | None
    """The services in the catalogue; None: nobody has seen it."""


def logged_in(status: ConditionStatus, reason: str = "", message: str = "") -> Condition:
    return Condition(LOGGED_IN, status, reason, message[:_MAX_MESSAGE])


def endpoint_condition(kind: str, status: ConditionStatus, reason: str = "", message: str = "") -> Condition:
    """Return the condition of a service, `compute` for example."""
    return Condition(ENDPOINT_PREFIX + kind, status, reason, message[:_MAX_MESSAGE])


def status_of(failure: Failure) -> ConditionStatus:
    """Return FALSE if the failure shows something of the VIM, UNKNOWN if it does not."""
    if isinstance(failure, LocalFault) or failure.reason.startswith("LOCAL_"):
        return ConditionStatus.UNKNOWN
    return ConditionStatus.UNKNOWN if failure.reason in _CANNOT_TELL else ConditionStatus.FALSE


def not_logged_in(failure: Failure) -> LoginResult:
    """Return the result of a login that did not come to an answer."""
    return LoginResult(logged_in(status_of(failure), failure.reason, failure.detail))


def outcome_of(result: LoginResult, endpoints: Iterable[Condition], known_types: Iterable[str]) -> LoginOutcome:
    """Return what a login and its endpoints came to. `known_types`: the services in the newest catalogue before."""
    catalog = result.catalog
    conditions = list(endpoints)
    if catalog is None:
        conditions += [
            endpoint_condition(kind, ConditionStatus.UNKNOWN, NO_CATALOG, "there is no catalogue without a login")
            for kind in known_types
        ]
    return LoginOutcome(
        (result.condition, *conditions),
        is_refusal=result.is_refusal,
        is_accepted=result.condition.status is ConditionStatus.TRUE,
        service_types=None if catalog is None else catalog.types,
    )
