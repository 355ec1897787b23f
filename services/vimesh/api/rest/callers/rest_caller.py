"""Defines who makes the request that is being served, and for whom conductors are therefore called."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from vimesh.api.rest.errors.error_answers import RequestRefused
from vimesh.rpc.caller_metadata import FOR_CALL, FOR_IDENTITY, FOR_PROJECTS, FOR_ROLES
from vimesh.tracing.current_request import current_request_id, request_metadata

Metadata = tuple[tuple[str, str], ...]
Rule = Callable[[str, str], bool]
"""Returns whether a rule of Tacker, such as `get_vim`, allows the caller something in a project."""


@dataclass(frozen=True, slots=True)
class RestCaller:
    project: str
    """Project of new VIMs unless the request names another one; empty: the conductor knows the only one."""
    metadata: Metadata = ()
    """Tells conductors for which request, and for whom, they are called; the latter is missing in an open fleet."""
    rules: Rule | None = None
    """None: its roles alone decide, and conductors know them."""

    def allows(self, rule: str, project: str) -> bool:
        """Return whether a rule of Tacker, if they count for the caller, allows something in a project."""
        return self.rules is None or self.rules(rule, project)


class RestCallers(Protocol):
    async def identify(self, request: Request) -> RestCaller:
        """Return who makes a request. Raises RequestRefused."""


class OpenCallers:
    """Everybody, in a fleet that requires no identities."""

    def __init__(self, project: str) -> None:
        self._project = project

    async def identify(self, _request: Request) -> RestCaller:
        return RestCaller(self._project, request_metadata())


def metadata_for(identity: str, roles: str, projects: str) -> Metadata:
    """Return what tells conductors that they are called for somebody. Texts are printable ASCII."""
    request_id = current_request_id()
    named = ((FOR_IDENTITY, identity), (FOR_ROLES, roles), (FOR_PROJECTS, projects))
    # The front may give the call another id, unless the api process comes by the door for reporters.
    return (*named, *request_metadata(), (FOR_CALL, request_id)) if request_id else named


_caller: ContextVar[RestCaller] = ContextVar("rest_caller")
"""The caller of the current task: the HTTP server runs each request in a task of its own."""


def enter(caller: RestCaller) -> None:
    _caller.set(caller)


def current_caller() -> RestCaller:
    return _caller.get()


def require_rule(rule: str, project: str) -> None:
    """Raise RequestRefused unless a rule of Tacker allows this to the caller."""
    if not _caller.get().allows(rule, project):
        raise RequestRefused(403, "PolicyNotAuthorized", f"Policy doesn't allow {rule} to be performed.")
