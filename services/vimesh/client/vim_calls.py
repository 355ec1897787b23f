"""The VIMs of a fleet, as a client calls them."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import aclosing, contextmanager
from typing import TypeAlias

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.client.calls.front_stubs import Front
from vimesh.client.client_errors import NotFound, call_error
from vimesh.client.lookups.answer_pages import fetch_pages
from vimesh.client.lookups.find_vim import find
from vimesh.client.watches.filtered_arrivals import with_arrivals
from vimesh.client.watches.resumable_watch import ConnectionNews, WatchPosition, WatchUpdate, watch
from vimesh.client.watches.vim_conditions import Deregistered, WantedVim, condition_of
from vimesh.client.watches.wait_for_vim import VimCondition, wait_for_vim
from vimesh.domain.ids import is_id
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.explanation_pb2 import ExplainVimRequest, Explanation
from vimesh.v1.vim_pb2 import Monitor, ProbeResult, Vim, VimEvent

NO_NEWS = ConnectionNews()

VimRef: TypeAlias = "str | Vim"
"""The id or the name of a VIM, or the VIM itself."""


class VimCalls:
    """All calls raise CallError, and NameUnknown or NameAmbiguous for a VIM that is given by its name."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def get(self, vim: VimRef, *, project: str | None = None) -> Vim:
        """Return a VIM as it is now.

        `project`: id of the project in which to look up a name; None: in all that exist for the caller.
        """
        if isinstance(vim, Vim):
            return (await self._front.ask(self._front.vims.GetVim, pb.GetVimRequest(vim_id=vim.id))).vim
        return await find(self._front, vim, project)

    async def probe(self, vim: VimRef, *, project: str | None = None) -> Sequence[ProbeResult]:
        """Have a monitor of each vantage probe a VIM now, and return what they saw. Nothing is recorded."""
        request = pb.ProbeVimRequest(vim_id=await self._id(vim, project))
        return (await self._front.ask(self._front.vims.ProbeVim, request)).probes

    async def explain(self, vim: VimRef, *, project: str | None = None) -> Explanation:
        """Return why a VIM reads what it reads, and what would change that: sentences, and facts for programs."""
        request = ExplainVimRequest(vim_id=await self._id(vim, project))
        return (await self._front.ask(self._front.vims.ExplainVim, request)).explanation

    async def list(
        self,
        filter: str = "",  # noqa: A002 - the word of the contract
        *,
        order_by: str = "",
        fields: Iterable[str] = (),
        as_of: dt.datetime | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Vim]:
        """Yield the VIMs that match a filter, while the next page is fetched.

        Args:
            filter: As in docs/using/filters.md, such as `status = UNREACHABLE AND labels.region = eu`.
            order_by: As in ListVimsRequest, such as `name`.
            fields: Paths of the fields that are needed; none: all.
            as_of: Show VIMs as they were at that time.
            limit: Maximum number of VIMs.
        """
        mask = FieldMask(paths=fields) if fields else None
        past = None
        if as_of is not None:
            past = Timestamp()
            past.FromDatetime(as_of)

        async def fetch(size: int, token: str) -> tuple[Sequence[Vim], str]:
            request = pb.ListVimsRequest(
                page_size=size, page_token=token, filter=filter, order_by=order_by, read_mask=mask, as_of=past
            )
            page = await self._front.ask(self._front.vims.ListVims, request)
            return page.vims, page.next_page_token

        async with aclosing(fetch_pages(fetch, limit)) as pages:
            async for vims in pages:
                for vim in vims:
                    yield vim

    async def register(
        self,
        vim: Vim,
        *,
        request_id: str = "",
        engine: Monitor.Engine.ValueType = Monitor.ENGINE_UNSPECIFIED,
        vim_id: str = "",
        validate_only: bool = False,
    ) -> Vim:
        """Register a VIM, and return it as it was stored.

        Args:
            request_id: A UUID. Another call with the same one, also by another process, is answered with the same VIM;
                empty: one is made for this call, so that its repetitions are safe.
            engine: Where its ping action runs; unspecified: as the fleet is configured.
            vim_id: The id that it has elsewhere already; only for callers of all projects.
            validate_only: Only check the request.
        """
        request = pb.RegisterVimRequest(
            vim=vim,
            request_id=request_id or str(uuid.uuid4()),
            engine=engine,
            vim_id=vim_id,
            validate_only=validate_only,
        )
        return (await self._front.ask(self._front.vims.RegisterVim, request)).vim

    async def modify(
        self,
        vim: VimRef,
        change: Vim,
        *,
        fields: Iterable[str] = (),
        etag: str = "",
        project: str | None = None,
    ) -> Vim:
        """Change a VIM, and return it as it is then.

        Args:
            change: The new values.
            fields: Paths of the fields to set, also to empty values, such as `description` or `labels.region`; none:
                those that `change` has.
            etag: That of the VIM that was read; if it was changed since, Conflict is raised. Such a call is not
                repeated.
        """
        wanted = Vim()
        wanted.CopyFrom(change)
        wanted.id = await self._id(vim, project)
        paths = list(fields)
        request = pb.ModifyVimRequest(vim=wanted, update_mask=FieldMask(paths=paths) if paths else None, etag=etag)
        return (await self._front.ask(self._front.vims.ModifyVim, request)).vim

    async def deregister(self, vim: VimRef, *, project: str | None = None) -> None:
        """Remove a VIM and its credentials. Raises NotFound if there is none, unless this call has removed it."""
        request = pb.DeregisterVimRequest(vim_id=await self._id(vim, project))
        try:
            await self._front.ask(self._front.vims.DeregisterVim, request)
        except NotFound as error:
            # The answer of an earlier attempt was lost.
            if error.attempts == 1:
                raise

    async def events(
        self,
        vim: VimRef | None = None,
        *,
        filter: str = "",  # noqa: A002 - the word of the contract
        limit: int | None = None,
        project: str | None = None,
    ) -> AsyncGenerator[VimEvent]:
        """Yield past changes of a VIM, or of all, the newest first."""
        vim_id = "" if vim is None else await self._id(vim, project)

        async def fetch(size: int, token: str) -> tuple[Sequence[VimEvent], str]:
            request = pb.ListVimEventsRequest(vim_id=vim_id, page_size=size, page_token=token, filter=filter)
            page = await self._front.ask(self._front.vims.ListVimEvents, request)
            return page.events, page.next_page_token

        # A page for a caller of some projects may be empty in the middle.
        async with aclosing(fetch_pages(fetch, limit, may_be_empty=True)) as pages:
            async for events in pages:
                for event in events:
                    yield event

    async def watch(
        self,
        vim: VimRef | None = None,
        *,
        filter: str = "",  # noqa: A002 - the word of the contract
        after: WatchPosition | None = None,
        connection: ConnectionNews = NO_NEWS,
        project: str | None = None,
    ) -> AsyncGenerator[WatchUpdate]:
        """Yield the present state and then every change, each once, across disconnects. Never ends by itself.

        Args:
            vim: The only one to watch; None: all that match the filter.
            after: `position` of an update of an earlier watch with the same filter: only the changes after it. NotKept
                is raised if they are no longer kept, or if a backup was restored since. Without it, the present state
                is sent again then.
            connection: Called when the connection is lost, and when it is back.
        """
        vim_id = "" if vim is None else await self._id(vim, project)
        changes = watch(self._front, vim_id=vim_id, filter_=filter, after=after, link=connection)
        if filter:
            changes = with_arrivals(self._front, changes)
        async with aclosing(changes):
            with _errors_of_calls():
                async for update in changes:
                    yield update

    async def wait_for(self, vim: VimRef, wanted: WantedVim, *, within_s: float, project: str | None = None) -> Vim:
        """Wait until a VIM is as wanted, and return it as it was then.

        Args:
            wanted: A status, such as "REACHABLE" or Vim.REACHABLE, or a function of the VIM. A status counts even if
                another one has followed by now.
            within_s: Seconds.

        Raises WaitExpired, WatchedVimGone if it is deregistered before, and ValueError for a status that there is not.
        """
        found = await self._wait(vim, condition_of(wanted), within_s, project)
        assert found is not None, "a VIM that is gone is not as wanted"  # noqa: S101 - for the type checker
        return found

    async def wait_for_deregistration(self, vim: VimRef, *, within_s: float, project: str | None = None) -> None:
        """Wait until a VIM is gone. Raises WaitExpired, and NameUnknown if it has been gone before."""
        await self._wait(vim, Deregistered(), within_s, project)

    async def _wait(self, vim: VimRef, condition: VimCondition, within_s: float, project: str | None) -> Vim | None:
        started = time.monotonic()
        present = vim if isinstance(vim, Vim) else await find(self._front, vim, project)
        left_s = within_s - (time.monotonic() - started)
        with _errors_of_calls():
            return await wait_for_vim(self._front, present, condition, left_s, describe_s=lambda _: f"{within_s:g} s")

    async def _id(self, vim: VimRef, project: str | None) -> str:
        if isinstance(vim, Vim):
            return vim.id
        if is_id(vim) and project is None:
            return vim
        return (await find(self._front, vim, project)).id


@contextmanager
def _errors_of_calls() -> Generator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise call_error(error) from None
