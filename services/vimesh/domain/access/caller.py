"""Defines callers: an identity that was proved, what it may do, and in which projects (G14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from vimesh.domain.errors import PermissionDenied
from vimesh.domain.events import VimEvent
from vimesh.domain.vims import Engine, Vim


class CallerRole(StrEnum):
    """What a caller may do; who has which role is decided where identities are proved."""

    READER = "reader"
    """Reads and watches the VIMs of its projects, without the ids of their actions."""
    OPERATOR = "operator"
    """A reader that also registers, modifies and deregisters VIMs there."""
    ADMIN = "admin"
    """May do everything, in all projects."""
    REPORTER = "reporter"
    """Runs ping actions: reports, and watches which actions are wanted."""
    DRIVER = "driver"
    """Carries out the tasks of a workflow engine."""
    NOTIFIER = "notifier"
    """Notifies receivers of changes: learns where they are and their secrets, and records what was delivered."""
    CONSOLE = "console"
    """Serves status pages: counts VIMs by label, and reads their availability and changes."""


ALL_ENGINES: Final = frozenset(Engine)


@dataclass(frozen=True, slots=True)
class Caller:
    identity: str
    """The URI of a SPIFFE id, or `<issuer>#<subject>` of a token; empty in an open fleet."""
    roles: frozenset[CallerRole]
    projects: frozenset[str] | None
    """The projects whose VIMs exist for it; None: all."""
    engines: frozenset[Engine]
    """The engines for whose actions it may report."""
    by_api: str = ""
    """The identity of the api process that calls for it; empty: it calls itself."""

    def sees(self, project_id: str) -> bool:
        """Return whether the VIMs of a project exist for the caller."""
        return self.projects is None or project_id in self.projects

    def require_role(self, roles: Iterable[CallerRole], method: str) -> None:
        """Raise PermissionDenied unless the caller has one of the roles. `method`: the path of what it calls."""
        if self.roles.isdisjoint(roles):
            raise PermissionDenied(f"{method.rpartition('/')[2]} needs the role {' or '.join(sorted(roles))}")

    def require_project(self, project_id: str) -> None:
        """Raise PermissionDenied unless the caller may register VIMs in the project."""
        if not self.sees(project_id):
            raise PermissionDenied(f"project {project_id} is not one of the caller's")

    def require_all_projects(self, subject: str) -> None:
        """Raise PermissionDenied unless the caller has all projects. `subject`: what needs that."""
        if self.projects is not None:
            raise PermissionDenied(f"{subject} has all projects")

    def require_engine(self, engine: Engine) -> None:
        """Raise PermissionDenied unless the caller may run the actions of the engine."""
        if engine not in self.engines:
            raise PermissionDenied(f"the caller may not run the actions of the engine {engine}")

    @property
    def only_project(self) -> str:
        """The project of a caller that has exactly one, else empty."""
        return next(iter(self.projects)) if self.projects is not None and len(self.projects) == 1 else ""

    @property
    def reports_for_all(self) -> bool:
        """Whether it may report on every VIM."""
        return self.projects is None and self.engines == ALL_ENGINES

    @property
    def shown_engines(self) -> frozenset[Engine]:
        """The engines whose action ids the caller is told. A driver learns those of Mistral from its tasks anyway."""
        return self.engines | {Engine.MISTRAL} if CallerRole.DRIVER in self.roles else self.engines


OPEN_CALLER: Final = Caller("", frozenset(CallerRole), None, ALL_ENGINES)
"""Everybody, in a fleet in which no identity is required."""


def without_action_id(vim: Vim, engines: frozenset[Engine]) -> Vim:
    """Return the VIM without the id of its action, unless that runs in one of the engines."""
    monitor = vim.monitor
    if monitor.engine in engines:
        return vim
    # Errors of Mistral name the execution, which has the id of its action.
    last_error = monitor.last_error.replace(monitor.action_id, "***") if monitor.action_id else monitor.last_error
    return replace(
        vim,
        monitor=replace(monitor, action_id="", last_error=last_error),
        views=tuple(replace(view, action_id="") for view in vim.views),
    )


def without_action_ids(event: VimEvent, engines: frozenset[Engine]) -> VimEvent:
    """Return the change without the ids of actions, except those that run in one of the engines."""
    return replace(
        event,
        action_id=event.action_id if event.engine in engines else "",
        stopped_action_id=event.stopped_action_id if event.stopped_engine in engines else "",
        stopped_views=event.stopped_views if event.stopped_engine in engines else (),
        view=event.view if event.view is None or event.engine in engines else replace(event.view, action_id=""),
        vim=None if event.vim is None else without_action_id(event.vim, engines),
    )
