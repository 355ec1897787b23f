"""Defines who makes the request that is being served, and for whom conductors are therefore called."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from vimesh.api.rest.errors.error_answers import RequestRefused
from vimesh.rpc.caller_metadata import FOR_CALL, FOR_IDENTITY, FOR_PROJECTS, FOR_ROLES

Metadata = tuple[tuple[str, str], ...]
Rule = Callable[[str, str], bool]
"""Returns whether a rule of Tacker, such as `get_vim`, allows the caller something in a project."""

_CALL_ID = "x-request-id"
_MAX_CALL_ID = 128


@dataclass(frozen=True, slots=True)
class RestCaller:
    project: str
    """Project of new VIMs unless the request names another one; empty: the conductor knows the only one."""
    metadata: Metadata = ()
    """Tells conductors for whom they are called; empty: the api process calls in its own name."""
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
        self._caller = RestCaller(project)

    async def identify(self, _request: Request) -> RestCaller:
        return self._caller


def metadata_for(request: Request, identity: str, roles: str, projects: str) -> Metadata:
    """Return what tells conductors that they are called for somebody. Texts are printable ASCII."""
    call_id = request.headers.get(_CALL_ID, "")
    has_id = call_id.isascii() and call_id.isprintable() and 0 < len(call_id) <= _MAX_CALL_ID
    named = ((FOR_IDENTITY, identity), (FOR_ROLES, roles), (FOR_PROJECTS, projects))
    return (*named, (FOR_CALL, call_id)) if has_id else named


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
