"""Makes one login: to the cloud with the credentials, then to the services of its catalogue without them."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.endpoints import AuthUrlInvalid, Endpoint, endpoint_of
from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.bounded_client import BoundedClient, ExchangeFailed
from vimesh.monitor.logins.clouds.endpoint_checks import check_endpoints
from vimesh.monitor.logins.clouds.keystone_login import log_in_to_keystone
from vimesh.monitor.logins.clouds.kubernetes_login import log_in_to_kubernetes, proof_headers
from vimesh.monitor.logins.clouds.login_outcome import LoginOutcome, LoginResult, logged_in, not_logged_in, outcome_of
from vimesh.monitor.logins.clouds.login_trust import LoginTrust
from vimesh.monitor.logins.clouds.token_request import NOT_SUPPORTED, LoginImpossible, token_request
from vimesh.monitor.probes.base.prober import LocalFault

LOGIN_S: Final = 15.0
"""How long a cloud may take: a password takes an idle Keystone half a second, and a busy one several."""


@dataclass(frozen=True, slots=True)
class LoginTask:
    """What a login needs. It holds secrets, which nothing here keeps or shows."""

    auth_url: str
    type: str
    """The type of the VIM."""
    auth_cred: Mapping[str, object] = field(repr=False)
    vim_project: Mapping[str, object] = field(repr=False)
    regions: tuple[str, ...]
    known_types: tuple[str, ...]
    """The services in the catalogue of the login before."""


class LoginAttempts:
    """Makes logins. Belongs to the loop of the client."""

    def __init__(
        self,
        client: BoundedClient,
        trust: LoginTrust | None = None,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        login_s: float = LOGIN_S,
    ) -> None:
        self._client = client
        self._trust = trust or LoginTrust()
        self._now = now
        self._login_s = login_s

    async def attempt(self, task: LoginTask, on_answer: Callable[[], object]) -> LoginOutcome:
        """Log in and look at the services. `on_answer` is called in between: the cloud may have its next login then."""
        try:
            result = await self._log_in(task)
        finally:
            on_answer()
        endpoints = []
        if (catalog := result.catalog) is not None:
            endpoints = await check_endpoints(
                self._client, catalog, lambda: self._trust.context(task.auth_cred), task.known_types
            )
        return outcome_of(result, endpoints, task.known_types)

    async def _log_in(self, task: LoginTask) -> LoginResult:
        try:
            endpoint = endpoint_of(task.auth_url)
            async with asyncio.timeout(self._login_s):
                return await self._ask(endpoint, task)
        except TimeoutError:
            message = f"no whole answer to the login within {self._login_s:g} s"
            return LoginResult(logged_in(ConditionStatus.UNKNOWN, Reason.TIMEOUT, message))
        except AuthUrlInvalid as error:
            return not_logged_in(LoginImpossible(NOT_SUPPORTED, str(error)))
        except (ExchangeFailed, LocalFault, LoginImpossible) as error:
            return not_logged_in(error)

    async def _ask(self, endpoint: Endpoint, task: LoginTask) -> LoginResult:
        # What cannot work is found out before anything is connected to.
        if task.type == "kubernetes":
            headers = proof_headers(task.auth_cred)
            return await log_in_to_kubernetes(self._client, endpoint, self._context(endpoint, task), headers)
        if task.type == "openstack":
            request = token_request(task.auth_cred, task.vim_project)
            context = self._context(endpoint, task)
            return await log_in_to_keystone(self._client, endpoint, context, request, task.regions, now=self._now)
        raise LoginImpossible(NOT_SUPPORTED, "logins to VIMs of this type are not supported")

    def _context(self, endpoint: Endpoint, task: LoginTask) -> ssl.SSLContext | None:
        return self._trust.context(task.auth_cred, with_key=True) if endpoint.scheme == "https" else None
