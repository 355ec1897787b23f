"""Follows which ping actions are wanted, and starts and stops them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from vimesh.domain.actions import Action, ActionScope
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.v1 import conductor_service_pb2
from vimesh.wire.action_messages import action_from_wire
from vimesh.wire.fleet_messages import place_message
from vimesh.wire.vim_messages import ENGINE_VALUES

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ActionSet:
    """The actions that run here, as far as a watcher needs them."""

    start: Callable[[Action], object]
    """Run an action; nothing happens if it runs already. Raises AuthUrlInvalid."""
    stop: Callable[[str, str], object]
    """Stop the action (vim_id, action_id); nothing happens if it does not run."""
    running: Callable[[], Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class PoolMember:
    """This monitor, as one of several that share the actions."""

    monitor_id: str
    """That of its process, by which it renews its lease."""
    place: PoolPlace

    def message(self) -> conductor_service_pb2.PoolMember:
        return conductor_service_pb2.PoolMember(monitor_id=self.monitor_id, place=place_message(self.place))


class Watcher:
    """Starts and stops actions as the conductors request: a Follower. Losing the conductors stops no action (G10)."""

    def __init__(self, scope: ActionScope, actions: ActionSet, member: PoolMember | None = None) -> None:
        """`member`: the monitor of the pool that watches; None: the watch has all actions of the scope."""
        self._scope = scope
        self._member = member
        self._actions = actions
        self._revision = 0
        """All changes up to it were seen; 0: start with the list."""
        self._log_id = ""
        """The log that the revision is of."""
        self._assignment = ""
        """What the actions that were sent follow from."""
        self._listed: set[tuple[str, str]] = set()

    def request(self) -> conductor_service_pb2.WatchActionsRequest:
        self._listed = set()
        return conductor_service_pb2.WatchActionsRequest(
            engine=ENGINE_VALUES[self._scope.engine],
            shard_index=self._scope.shard.index,
            shard_count=self._scope.shard.count,
            start_revision=self._revision + 1 if self._revision else 0,
            log_id=self._log_id,
            pool=None if self._member is None else self._member.message(),
            assignment=self._assignment if self._revision else "",
        )

    def note_gap(self, why: str) -> None:
        _log.info("changes were missed: listing again", why=why)
        self._revision, self._log_id = 0, ""

    async def apply_response(self, response: conductor_service_pb2.WatchActionsResponse) -> None:
        for wanted in response.wanted:
            self._start(action_from_wire(wanted))
        for unwanted in response.unwanted:
            self._listed.discard((unwanted.vim_id, unwanted.action_id))
            self._actions.stop(unwanted.vim_id, unwanted.action_id)
        if not response.revision:
            return
        if not self._revision:
            self._stop_unlisted()
        if response.log_id or response.assignment:
            # A conductor of before, which knows no pool, has none when the stream is established: it sends all actions.
            self._assignment = response.assignment
        self._revision, self._log_id = response.revision, response.log_id or self._log_id

    def _start(self, action: Action) -> None:
        if not self._revision:
            self._listed.add((action.vim_id, action.action_id))
        try:
            self._actions.start(action)
        except AuthUrlInvalid as error:
            _log.error("action cannot run", vim_id=action.vim_id, auth_url=action.auth_url, why=str(error))

    def _stop_unlisted(self) -> None:
        running = list(self._actions.running())
        for vim_id, action_id in running:
            if (vim_id, action_id) not in self._listed:
                self._actions.stop(vim_id, action_id)
        _log.info("actions listed", actions=len(self._listed))
        self._listed = set()
