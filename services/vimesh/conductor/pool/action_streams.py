"""Streams which ping actions should run: all of them, a shard, or the share that a monitor of the pool has."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Final

from vimesh.conductor.message_pages import split_pages
from vimesh.conductor.pool.pool_share import Pool, PoolShare
from vimesh.conductor.watches.watch_streams import WatchStart, WatchStep, WatchStreams
from vimesh.domain.actions import Action, ActionScope, shard_key
from vimesh.domain.events import VimEvent
from vimesh.domain.pool.pool_errors import AssignmentChanged
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import action_pb2
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire import answer_messages
from vimesh.wire.fleet_messages import pool_place
from vimesh.wire.request_messages import id_of

_PAGE_SIZE: Final = 1000
_UNSETTLED: Final = "0"
"""The version of no division: they have 16 digits."""

_Responses = AsyncGenerator[pb.WatchActionsResponse]


class ActionStreams:
    def __init__(self, store: VimStore, watch_streams: WatchStreams, pool: Pool) -> None:
        self._store = store
        self._watch_streams = watch_streams
        self._pool = pool

    async def watch_all(self, request: pb.WatchActionsRequest, scope: ActionScope) -> _Responses:
        """Yield the actions of a scope, then what changes."""
        start, is_list = await self._start(request)
        if is_list:
            async for page in self._list_all(scope):
                yield page
        # Signals that the stream is established, that the list is complete, and where to resume.
        yield pb.WatchActionsResponse(revision=start.revision, log_id=start.log_id)
        async for step in self._watch_streams.follow(start, lambda event: _concerns(scope, event), reporter=True):
            yield await self._changes(scope, step, lambda _: True)

    async def watch_share(self, request: pb.WatchActionsRequest, scope: ActionScope, identity: str) -> _Responses:
        """Yield the actions that a monitor has, then what changes, and what it gains and loses.

        Raises AssignmentChanged, TooManyMonitors, PermissionDenied.
        """
        place = pool_place(request.pool.place)
        async with self._pool.watching(id_of(request.pool.monitor_id), place, identity) as share:
            if request.start_revision and request.assignment != share.version:
                share.has_ended_in_order = True
                raise AssignmentChanged
            start, is_list = await self._start(request)
            if is_list:
                async for page in self._list_all(scope) if share.is_whole else self._list_some(scope, share.owns):
                    yield page
            yield pb.WatchActionsResponse(revision=start.revision, log_id=start.log_id, assignment=share.version)

            def concerns(event: VimEvent) -> bool:
                return _concerns(scope, event) and share.may_run(event.vim_id)

            async for step in self._watch_streams.follow(start, concerns, reporter=True, agenda=share):
                share.has_ended_in_order = bool(step.end)
                yield await self._changes(scope, step, share.owns)
                if not step.end:
                    async for response in self._hand_over(scope, share, step):
                        yield response

    async def _start(self, request: pb.WatchActionsRequest) -> tuple[WatchStart, bool]:
        """Return where the stream begins, and whether with the list."""
        if request.start_revision:
            return await self._watch_streams.resume(request.start_revision, id_of(request.log_id)), False
        # Read the revision before the list: changes made while the list is read are then sent as events too.
        return await self._watch_streams.start_now(), True

    async def _changes(
        self, scope: ActionScope, step: WatchStep, owns: Callable[[str], bool]
    ) -> pb.WatchActionsResponse:
        started = [event for event in step.events if event.starts_in(scope.engine) and owns(event.vim_id)]
        return pb.WatchActionsResponse(
            wanted=await self._read_started(scope, started),
            unwanted=[one for event in step.events if event.stops_in(scope.engine) for one in _unwanted_actions(event)],
            revision=step.revision,
            end=step.end,
        )

    async def _hand_over(self, scope: ActionScope, share: PoolShare, step: WatchStep) -> _Responses:
        """Yield what the monitor gains now that the VIMs are divided anew; later, what it has lost."""
        # Changes up to the revision of the step were sent by the old division, all later ones follow the new one, and
        # what is read here is not older: so nothing is left out, and what is sent twice changes nothing.
        if share.has_changed():
            gains = share.move()
            # Until it has lost what others have now, no watch may be resumed from here: it would keep that for ever.
            yield pb.WatchActionsResponse(revision=step.revision, assignment=_UNSETTLED)
            async for page in self._list_some(scope, gains):
                yield page
        if share.may_release():
            release = share.release()
            lost: list[tuple[str, str]] = []
            async for keys in self._wanted(scope, release.has_lost):
                lost += keys
            if share.postpone(release, len(lost)):
                return
            share.settle(release)
            for first in range(0, len(lost), _PAGE_SIZE):
                page_of_lost = lost[first : first + _PAGE_SIZE]
                yield pb.WatchActionsResponse(
                    unwanted=[
                        pb.UnwantedAction(vim_id=vim_id, action_id=action_id) for vim_id, action_id in page_of_lost
                    ]
                )
            if share.is_settled:
                yield pb.WatchActionsResponse(revision=step.revision, assignment=share.version)

    async def _list_all(self, scope: ActionScope) -> _Responses:
        last_id = ""
        while actions := await self._store.actions_after(scope, last_id, _PAGE_SIZE):
            last_id = actions[-1].vim_id
            for page in split_pages(await in_slices(answer_messages.action_message, actions)):
                yield pb.WatchActionsResponse(wanted=page)

    async def _list_some(self, scope: ActionScope, belongs: Callable[[str], bool]) -> _Responses:
        async for keys in self._wanted(scope, belongs):
            wanted_ids = dict(keys)
            actions = await self._store.actions_of(list(wanted_ids))
            # What has changed since the keys were read comes as a change, and may be for another engine.
            same = [action for action in actions if action.action_id == wanted_ids[action.vim_id]]
            for page in split_pages(await in_slices(answer_messages.action_message, same)):
                yield pb.WatchActionsResponse(wanted=page)

    async def _wanted(
        self, scope: ActionScope, belongs: Callable[[str], bool]
    ) -> AsyncGenerator[list[tuple[str, str]]]:
        """Yield pages of (vim_id, action_id) of the wanted actions whose VIMs `belongs` says yes to."""
        last_id = ""
        while keys := await self._store.pool.wanted_after(scope, last_id, _PAGE_SIZE):
            last_id = keys[-1][0]
            chosen = await in_slices(lambda key: key if belongs(key[0]) else None, keys)
            if some := [key for key in chosen if key is not None]:
                yield some

    async def _read_started(self, scope: ActionScope, changes: Sequence[VimEvent]) -> list[action_pb2.Action]:
        """Return the actions that the changes started, except those that a later change has already stopped."""
        # A change that names no action may have started those of several vantages. One that runs is not started again.
        started = {(event.vim_id, event.action_id) for event in changes}
        vim_ids = list({event.vim_id: None for event in changes})
        actions: Sequence[Action] = await self._store.actions_of(vim_ids) if vim_ids else ()
        return await in_slices(
            answer_messages.action_message,
            (
                one
                for one in actions
                if one.vantage == scope.vantage
                and not started.isdisjoint(((one.vim_id, one.action_id), (one.vim_id, "")))
            ),
        )


def _concerns(scope: ActionScope, event: VimEvent) -> bool:
    changes_actions = event.starts_in(scope.engine) or event.stops_in(scope.engine)
    if scope.projects is not None and event.project_id not in scope.projects:
        return False
    return changes_actions and scope.shard.contains(shard_key(event.vim_id))


def _unwanted_actions(event: VimEvent) -> Iterator[pb.UnwantedAction]:
    for action_id in (event.stopped_action_id, *event.stopped_views):
        yield pb.UnwantedAction(vim_id=event.vim_id, action_id=action_id)
