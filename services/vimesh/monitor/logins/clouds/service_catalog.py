"""Reads the catalogue in the answer to a login at Keystone: the cloud chooses its content, so that all is bounded."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from vimesh.domain.endpoints import AuthUrlInvalid, Endpoint, endpoint_of

MAX_TYPES: Final = 32
"""Services to look at; a cloud with everything that OpenStack has comes to some 25."""
MAX_ENDPOINTS: Final = 100
"""Endpoints to look at, in all regions."""
_MAX_SERVICES: Final = 1000
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_PUBLIC: Final = "public"


class NoToken(Exception):
    """The answer is not one to a login. The text quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    type: str
    """The type of the service, such as `compute`."""
    region: str
    target: Endpoint


@dataclass(frozen=True, slots=True)
class ServiceCatalog:
    endpoints: tuple[ServiceEndpoint, ...]
    """The public ones that can be asked, in the order of their types."""
    types: tuple[str, ...]
    """All services with a public endpoint, in order."""
    without_url: frozenset[str]
    """Those with an endpoint whose URL is none that can be asked."""
    is_whole: bool
    """Whether there are no more than were read."""
    issued_at: dt.datetime | None
    """When the token was made, by the clock of the cloud; None if it does not say."""


def read_catalog(body: bytes, regions: Collection[str]) -> ServiceCatalog:
    """Read the answer to a login. `regions`: whose endpoints to return; none: all. Raises NoToken."""
    try:
        token = json.loads(body)["token"]
        services = token.get("catalog", ())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoToken from None
    found = sorted(_public_endpoints(services, frozenset(regions)), key=lambda one: (one[0], one[1]))
    some = frozenset(list(dict.fromkeys(kind for kind, _, _ in found))[:MAX_TYPES])
    kept = [one for one in found if one[0] in some][:MAX_ENDPOINTS]
    targets = [(kind, region, _target(url)) for kind, region, url in kept]
    return ServiceCatalog(
        tuple(ServiceEndpoint(kind, region, target) for kind, region, target in targets if target is not None),
        types=tuple(dict.fromkeys(kind for kind, _, _ in kept)),
        without_url=frozenset(kind for kind, _, target in targets if target is None),
        is_whole=len(kept) == len(found),
        issued_at=_time(token.get("issued_at")),
    )


def _public_endpoints(services: object, regions: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    for service in services[:_MAX_SERVICES] if isinstance(services, list) else ():
        kind, endpoints = _get(service, "type"), _get(service, "endpoints")
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind) or not isinstance(endpoints, list):
            continue
        for endpoint in endpoints[:_MAX_SERVICES]:
            url, region = _get(endpoint, "url"), _get(endpoint, "region_id") or _get(endpoint, "region") or ""
            if _get(endpoint, "interface") != _PUBLIC or not isinstance(url, str) or not isinstance(region, str):
                continue
            if not regions or region in regions:
                yield kind, region, url


def _get(value: object, name: str) -> Any:  # noqa: ANN401 - whatever the cloud put there
    return value.get(name) if isinstance(value, dict) else None


def _target(url: str) -> Endpoint | None:
    try:
        # Without the query: what a cloud wants to be asked for must change nothing elsewhere.
        return endpoint_of(url.partition("?")[0].partition("#")[0])
    except AuthUrlInvalid:
        return None


def _time(text: object) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(text) if isinstance(text, str) and len(text) <= 40 else None
    except ValueError:
        return None
    return time.replace(tzinfo=dt.UTC) if time is not None and time.tzinfo is None else time
