"""Logs in to an OpenStack cloud: asks its Keystone for a token, and forgets the token at once.

The token is not revoked. Keystone keeps nothing of one that it has made, but a record of each that is revoked, which
it looks through whenever it validates any other.
"""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.domain.endpoints import Endpoint
from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.bounded_client import BoundedClient, HttpAnswer
from vimesh.monitor.logins.clouds.login_outcome import CLOCK_SKEW, FORBIDDEN, UNAUTHORIZED, LoginResult, logged_in
from vimesh.monitor.logins.clouds.service_catalog import NoToken, read_catalog

SKEW_S: Final = 60.0
"""From how far apart on the clocks of cloud and monitor are worth a word."""
_VERSION: Final = "v3"
_REFUSED: Final = (
    "Keystone refuses the credentials: the password is wrong, the user is disabled or locked, or has no role in the "
    "project; it is asked again rarely until they are changed"
)


def tokens_path(path: str) -> str:
    """Return the path at which tokens are made, given that of an auth_url: with or without a version in it."""
    base = path.partition("?")[0].rstrip("/")
    parent, _, last = base.rpartition("/")
    if last != _VERSION:
        base = f"{parent if last.startswith('v2') else base}/{_VERSION}"
    return f"{base}/auth/tokens"


async def log_in_to_keystone(  # noqa: PLR0913 - what a login consists of
    client: BoundedClient,
    endpoint: Endpoint,
    context: ssl.SSLContext | None,
    request: bytes,
    regions: Collection[str],
    *,
    now: Callable[[], dt.datetime],
) -> LoginResult:
    """Ask for a token. The caller limits the time. Raises ExchangeFailed, LocalFault."""
    async with client.connect(endpoint, context) as exchange:
        answer = await exchange.post_json(tokens_path(endpoint.path), request)
    return _judge(answer, regions, now)


def _judge(answer: HttpAnswer, regions: Collection[str], now: Callable[[], dt.datetime]) -> LoginResult:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return LoginResult(logged_in(ConditionStatus.FALSE, UNAUTHORIZED, _REFUSED), is_refusal=True)
    if answer.status == HTTPStatus.FORBIDDEN:
        message = "Keystone knows the user, and forbids the login"
        return LoginResult(logged_in(ConditionStatus.FALSE, FORBIDDEN, message), is_refusal=True)
    if answer.status not in {HTTPStatus.CREATED, HTTPStatus.OK}:
        message = f"Keystone answers {answer.status} to the request for a token"
        if 300 <= answer.status < 400:
            message += "; redirects are not followed, because credentials go to the auth_url only"
        return LoginResult(logged_in(ConditionStatus.FALSE, Reason.http(answer.status), message))
    try:
        catalog = read_catalog(answer.body, regions) if answer.headers.get(b"x-subject-token") else None
    except NoToken:
        catalog = None
    if catalog is None:
        message = "what answers is no Keystone: its answer has no token"
        return LoginResult(logged_in(ConditionStatus.FALSE, Reason.PROTOCOL, message))
    return LoginResult(_accepted(catalog.issued_at, now), catalog=catalog)


def _accepted(issued_at: dt.datetime | None, now: Callable[[], dt.datetime]) -> Condition:
    ahead_s = (issued_at - now()).total_seconds() if issued_at is not None else 0.0
    if abs(ahead_s) < SKEW_S:
        return logged_in(ConditionStatus.TRUE)
    # Nobody knows which of the two is right: the login worked, and that is what the condition says.
    way = "ahead of" if ahead_s > 0 else "behind"
    return logged_in(
        ConditionStatus.TRUE, CLOCK_SKEW, f"the clock of the cloud is {abs(ahead_s):.0f} s {way} that of the monitor"
    )
