"""Identifies callers of Tacker's REST by their tokens of Keystone, and says what Tacker's rules let them do."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Final

from starlette.requests import Request

from vimesh.api.keystone.keystone_client import KeystoneClient
from vimesh.api.keystone.policy_rules import PolicyRules
from vimesh.api.keystone.service_file import read_service_file
from vimesh.api.keystone.token_checks import THREADS, TokenChecks
from vimesh.api.keystone.token_claims import KeystoneUnavailable, TokenClaims
from vimesh.api.rest.callers.proved_callers import TOKEN, ProvedCallers, unproved
from vimesh.api.rest.callers.rest_caller import RestCaller, RestCallers, metadata_for
from vimesh.api.rest.errors.error_answers import RequestRefused, unavailable
from vimesh.domain.access.caller import CallerRole
from vimesh.rpc.caller_metadata import ALL_PROJECTS
from vimesh.runtime.daemon_threads import DaemonThreads

_READS: Final = ("GET", "HEAD")


class KeystoneCallers:
    def __init__(self, tokens: TokenChecks, rules: PolicyRules, uri: str, project: str) -> None:
        """`uri`: Keystone's address, which stands before the ids of its users. `project`: see RestSettings."""
        self._tokens = tokens
        self._rules = rules
        self._uri = uri
        self._project = project

    @property
    def challenge(self) -> str:
        """How a caller is told to prove who it is, in the words of keystonemiddleware."""
        return f'Keystone uri="{self._uri}"'

    async def identify(self, request: Request) -> RestCaller:
        """Return the caller of a request with a token. Raises RequestRefused."""
        tokens = request.headers.getlist(TOKEN)
        try:
            claims = await self._tokens.check(tokens[0]) if len(tokens) == 1 else None
        except KeystoneUnavailable:
            # Why is in the log; a stranger is not told.
            message = (
                "Keystone cannot be asked whether the token is valid; try again, and see the log of the api process"
            )
            raise unavailable(message) from None
        if claims is None:
            raise unproved(self.challenge, "the token is not valid: forged, expired or revoked; ask for a new one")
        return self._caller(request, claims)

    def _caller(self, request: Request, claims: TokenClaims) -> RestCaller:
        is_admin = self._rules.is_admin(claims)
        if not (is_admin or claims.project_id):
            message = "the token is for no project; ask for one that is, such as by --os-project-name"
            raise RequestRefused(403, "PolicyNotAuthorized", message)
        # Never more than the request needs, whatever the caller may do besides.
        role = CallerRole.READER if request.method in _READS else CallerRole.OPERATOR
        projects = ALL_PROJECTS if is_admin else claims.project_id
        metadata = metadata_for(f"{self._uri}#{claims.user_id}", role, projects)
        project = claims.project_id or self._project
        if is_admin:
            return RestCaller(project, metadata)
        # A rule takes some 0.1 ms, and a list asks it for each VIM.
        return RestCaller(project, metadata, cache(partial(self._rules.allows, claims)))


@contextmanager
def keystone_callers(file: Path, project: str) -> Generator[RestCallers]:
    """Identify callers by their tokens of Keystone, or by what the front says. Raises BadSetting.

    Keystone may be unavailable: it is asked when a caller shows a token.
    """
    service = read_service_file(file)
    rules = PolicyRules(service.conf)
    with DaemonThreads(THREADS, "keystone") as threads:
        callers = KeystoneCallers(TokenChecks(KeystoneClient(service).ask, threads), rules, service.uri, project)
        yield ProvedCallers(project, keystone=callers)
