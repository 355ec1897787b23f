"""Finds out who calls Tacker's REST where identities are required: by a token of Keystone, or by what the front says.

Only the front can reach the process: by a unix socket of the fleet's user, or by TLS (`http/serve_fronts.py`).
"""

from __future__ import annotations

from typing import Final, Protocol

from starlette.requests import Request

from vimesh.api.rest.callers.rest_caller import RestCaller, RestCallers, metadata_for
from vimesh.api.rest.errors.error_answers import RequestRefused
from vimesh.rpc.caller_metadata import ALL_PROJECTS, IDENTITY, PROJECTS, ROLES
from vimesh.rpc.caller_roles import PEOPLE

TOKEN: Final = "x-auth-token"  # noqa: S105 - the name of a header
_BEARER: Final = 'Bearer realm="vimesh"'


def unproved(challenge: str, message: str) -> RequestRefused:
    return RequestRefused(401, "HTTPUnauthorized", message, headers={"WWW-Authenticate": challenge})


class TokenCallers(RestCallers, Protocol):
    """Identifies callers by their tokens of Keystone."""

    @property
    def challenge(self) -> str:
        """How a caller is told to prove who it is."""


class ProvedCallers:
    def __init__(self, project: str, keystone: TokenCallers | None = None) -> None:
        """`project`: of new VIMs, if a caller of all projects names none. `keystone`: None if tokens prove nothing."""
        self._project = project
        self._keystone = keystone
        self._challenge = _BEARER if keystone is None else keystone.challenge

    async def identify(self, request: Request) -> RestCaller:
        if self._keystone is not None and TOKEN in request.headers:
            return await self._keystone.identify(request)
        if IDENTITY in request.headers:
            return self._caller_of_front(request)
        if self._keystone is None:
            raise unproved(self._challenge, "the request needs a client certificate or a bearer token of this fleet")
        raise unproved(self._challenge, "the request needs a token of Keystone in X-Auth-Token")

    def _caller_of_front(self, request: Request) -> RestCaller:
        identity, roles, projects = (self._only(request, name) for name in (IDENTITY, ROLES, PROJECTS))
        # A caller may have other roles, but not for REST.
        of_people = sorted(PEOPLE.intersection(role.strip() for role in roles.split(",")))
        metadata = metadata_for(identity, ",".join(of_people), projects)
        return RestCaller(self._project if projects == ALL_PROJECTS else "", metadata)

    def _only(self, request: Request, name: str) -> str:
        values = request.headers.getlist(name)
        if len(values) > 1 or not all(value.isascii() and value.isprintable() for value in values):
            raise unproved(self._challenge, f"{name} is not what the front writes")
        return values[0] if values else ""
