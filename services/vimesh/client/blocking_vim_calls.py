"""The VIMs of a fleet, for programs without asyncio."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable, Sequence

from vimesh.client.loop_thread import LoopThread
from vimesh.client.vim_calls import NO_NEWS, VimCalls, VimRef
from vimesh.client.watches.resumable_watch import ConnectionNews, WatchPosition, WatchUpdate
from vimesh.client.watches.vim_conditions import WantedVim
from vimesh.v1.explanation_pb2 import Explanation
from vimesh.v1.vim_pb2 import Monitor, ProbeResult, Vim, VimEvent


class BlockingVimCalls:
    """Has the methods of VimCalls, which says what they do."""

    def __init__(self, thread: LoopThread, calls: VimCalls) -> None:
        self._thread = thread
        self._calls = calls

    def get(self, vim: VimRef, *, project: str | None = None) -> Vim:
        """Return a VIM as it is now."""
        return self._thread.run(self._calls.get(vim, project=project))

    def probe(self, vim: VimRef, *, project: str | None = None) -> Sequence[ProbeResult]:
        """Have a monitor of each vantage probe a VIM now, and return what they saw."""
        return self._thread.run(self._calls.probe(vim, project=project))

    def explain(self, vim: VimRef, *, project: str | None = None) -> Explanation:
        """Return why a VIM reads what it reads, and what would change that."""
        return self._thread.run(self._calls.explain(vim, project=project))

    def list(
        self,
        filter: str = "",  # noqa: A002 - the word of the contract
        *,
        order_by: str = "",
        fields: Iterable[str] = (),
        as_of: dt.datetime | None = None,
        limit: int | None = None,
    ) -> Generator[Vim]:
        """Yield the VIMs that match a filter."""
        return self._thread.iterate(
            self._calls.list(filter, order_by=order_by, fields=fields, as_of=as_of, limit=limit)
        )

    def register(
        self,
        vim: Vim,
        *,
        request_id: str = "",
        engine: Monitor.Engine.ValueType = Monitor.ENGINE_UNSPECIFIED,
        vim_id: str = "",
        validate_only: bool = False,
    ) -> Vim:
        """Register a VIM, and return it as it was stored."""
        return self._thread.run(
            self._calls.register(vim, request_id=request_id, engine=engine, vim_id=vim_id, validate_only=validate_only)
        )

    def modify(
        self,
        vim: VimRef,
        change: Vim,
        *,
        fields: Iterable[str] = (),
        etag: str = "",
        project: str | None = None,
    ) -> Vim:
        """Change a VIM, and return it as it is then."""
        return self._thread.run(self._calls.modify(vim, change, fields=fields, etag=etag, project=project))

    def deregister(self, vim: VimRef, *, project: str | None = None) -> None:
        """Remove a VIM and its credentials."""
        self._thread.run(self._calls.deregister(vim, project=project))

    def events(
        self,
        vim: VimRef | None = None,
        *,
        filter: str = "",  # noqa: A002 - the word of the contract
        limit: int | None = None,
        project: str | None = None,
    ) -> Generator[VimEvent]:
        """Yield past changes of a VIM, or of all, the newest first."""
        return self._thread.iterate(self._calls.events(vim, filter=filter, limit=limit, project=project))

    def watch(
        self,
        vim: VimRef | None = None,
        *,
        filter: str = "",  # noqa: A002 - the word of the contract
        after: WatchPosition | None = None,
        connection: ConnectionNews = NO_NEWS,
        project: str | None = None,
    ) -> Generator[WatchUpdate]:
        """Yield the present state and then every change, each once, across disconnects. Never ends by itself.

        Updates come every few seconds, also if nothing changes. `connection` is called in the thread of the client.
        """
        return self._thread.iterate(
            self._calls.watch(vim, filter=filter, after=after, connection=connection, project=project)
        )

    def wait_for(self, vim: VimRef, wanted: WantedVim, *, within_s: float, project: str | None = None) -> Vim:
        """Wait until a VIM is as wanted, and return it as it was then. A function is called in the client's thread."""
        return self._thread.run(self._calls.wait_for(vim, wanted, within_s=within_s, project=project))

    def wait_for_deregistration(self, vim: VimRef, *, within_s: float, project: str | None = None) -> None:
        """Wait until a VIM is gone."""
        self._thread.run(self._calls.wait_for_deregistration(vim, within_s=within_s, project=project))
