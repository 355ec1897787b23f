"""Lists all VIMs that match a query, in the order in which they were registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vimesh.api.rest.callers.rest_caller import current_caller
from vimesh.api.rest.documents.vim_document import vim_document
from vimesh.api.rest.errors.error_answers import bad_attribute
from vimesh.api.rest.lists.list_pager import Documents, ListPager, Pages
from vimesh.api.rest.lists.vim_filters import filter_of
from vimesh.domain.ids import is_id
from vimesh.v1 import vim_service_pb2 as pb

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub


async def vim_pages(stub: VimServiceAsyncStub, pager: ListPager, call_timeout_s: float) -> Pages:
    """Yield the pages. Raises RequestRefused for an invalid marker, before the first page."""
    query = pager.query
    filter_ = filter_of(query)
    if filter_ is None:
        return
    caller = current_caller()
    # Tacker's marker is the ID of the last VIM seen; our own links may carry a page token instead.
    skip_to = query.marker.lower() if is_id(query.marker) else ""

    async def fetch(size: int, token: str) -> tuple[Documents, str]:
        nonlocal skip_to
        request = pb.ListVimsRequest(filter=filter_, page_token=token, page_size=size)
        page = await stub.ListVims(request, timeout=call_timeout_s, metadata=caller.metadata)
        vims = [vim for vim in page.vims if caller.allows("get_vim", vim.project_id)]
        if skip_to:
            places = [place for place, vim in enumerate(vims) if vim.id == skip_to]
            if not places and not page.next_page_token:
                raise bad_attribute("marker", f"no VIM of this list has the id {skip_to}")
            vims, skip_to = (vims[places[0] + 1 :], "") if places else ([], skip_to)
        return [document for document in map(vim_document, vims) if query.matches(document)], page.next_page_token

    token = "" if skip_to else query.marker
    async for documents in pager.pages(fetch, token, is_searching=lambda: bool(skip_to)):
        yield documents
