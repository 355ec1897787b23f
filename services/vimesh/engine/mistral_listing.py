"""Lists all our executions, running actions and workflows in Mistral."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mistralclient.api.base import Resource
from mistralclient.api.v2.client import Client

from vimesh.domain.actions import WORKFLOW_PREFIX, workflow_name
from vimesh.engine.engine_errors import EngineRefused, EngineUnavailable
from vimesh.engine.executions import FIELDS, Execution, action_id_of, id_of, our_execution
from vimesh.engine.mistral_calls import MistralCalls
from vimesh.engine.workflow import ACTION, defines_ping, vim_id_of

Row = dict[str, object]
ListPage = Callable[[Client, str], list[Resource]]
"""Lists a page of rows after a marker."""

PAGE = 500
"""Rows of a page. Mistral cuts longer pages to its own limit, 1000 by default."""
MAX_PAGES = 5000
MAX_ROWS = 1_000_000
"""Ten times the VIMs of the largest fleet."""
_MAX_ATTEMPTS = 5
_NOT_FOUND = 404


class MistralListing:
    def __init__(self, calls: MistralCalls, *, page: int) -> None:
        self._calls = calls
        self._page = page

    async def executions_of(self, vim_id: str) -> list[Execution]:
        """List a VIM's executions. One page suffices: there is one, and for a while those of earlier actions."""
        return _ours(await self._page_after(self._list_executions(workflow_name(vim_id)), ""))

    async def executions(self) -> list[Execution]:
        return _ours(await self._list_all(self._list_executions(f"has:{WORKFLOW_PREFIX}")))

    async def running_actions(self) -> frozenset[str]:
        """Return the ids of our actions that have a running action execution."""
        rows = await self._list_all(
            lambda mistral, marker: mistral.action_executions.list(
                name=ACTION,
                state="RUNNING",
                fields=["id", "input"],
                sort_keys="id",
                marker=marker,
                limit=self._page,
            )
        )
        return frozenset(action_id for row in rows if (action_id := action_id_of(row)))

    async def vims_with_workflow(self) -> list[str]:
        """Return the ids of the VIMs that have a workflow of ours."""
        rows = await self._list_all(
            lambda mistral, marker: mistral.workflows.list(
                name=f"has:{WORKFLOW_PREFIX}",
                fields=["id", "name", "definition"],
                sort_keys="id",
                marker=marker,
                limit=self._page,
            )
        )
        ours = [vim_id_of(str(row.get("name"))) for row in rows if defines_ping(str(row.get("definition")))]
        return [vim_id for vim_id in ours if vim_id]

    def _list_executions(self, name: str) -> ListPage:
        return lambda mistral, marker: mistral.executions.list(
            workflow_name=name, fields=list(FIELDS), sort_keys="id", marker=marker, limit=self._page
        )

    async def _list_all(self, list_page: ListPage) -> list[Row]:
        attempts = 0
        while True:
            attempts += 1
            try:
                return await self._pages(list_page)
            except EngineRefused as refused:
                # The row that marks the start of the next page was deleted in between: start over.
                if refused.code != _NOT_FOUND or attempts == _MAX_ATTEMPTS:
                    raise

    async def _pages(self, list_page: ListPage) -> list[Row]:
        rows: list[Row] = []
        marker = ""
        for _ in range(MAX_PAGES):
            # Mistral may be configured to return shorter pages than requested: only an empty one is the end.
            page = await self._page_after(list_page, marker)
            if not page:
                return rows
            if id_of(page[-1]) == marker or len(rows) + len(page) > MAX_ROWS:
                break
            rows += page
            marker = id_of(page[-1])
        raise EngineUnavailable(self._calls.place, f"the list has no end: {len(rows)} rows")

    async def _page_after(self, list_page: ListPage, marker: str) -> list[Row]:
        return await self._calls.call("list", lambda mistral: [_row(row) for row in list_page(mistral, marker)])


def _row(resource: Resource) -> Row:
    """Raise ValueError for a row without an id: it could neither be requested nor be used as a marker."""
    row: Row = resource.to_dict()
    id_of(row)
    return row


def _ours(rows: Iterable[Row]) -> list[Execution]:
    return [execution for execution in map(our_execution, rows) if execution]
