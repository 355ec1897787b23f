"""Lists all VIMs that match a query, with as many calls as needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vimesh.api.rest.documents.vim_document import vim_document
from vimesh.api.rest.errors.error_answers import bad_attribute
from vimesh.api.rest.lists.list_query import ListQuery
from vimesh.api.rest.lists.streamed_list import Pages
from vimesh.api.rest.lists.vim_filters import filter_of
from vimesh.domain.ids import is_id
from vimesh.v1 import vim_service_pb2 as pb

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_PAGE = 1000


class VimList:
    """Lists VIMs in the order in which they were registered."""

    def __init__(self, stub: VimServiceAsyncStub, query: ListQuery, call_timeout_s: float) -> None:
        self._stub = stub
        self._query = query
        self._call_timeout_s = call_timeout_s
        self.next_marker: str | None = None
        """Where a list with a limit continues; None if nothing is left. Set once `pages` has ended."""

    async def pages(self) -> Pages:
        """Yield the pages. Raises RequestRefused for an invalid marker, before the first page."""
        filter_ = filter_of(self._query)
        if filter_ is None:
            return
        # Tacker's marker is the ID of the last VIM seen; our own links may carry a page token instead.
        skip_to, token = (self._query.marker.lower(), "") if is_id(self._query.marker) else ("", self._query.marker)
        left = self._query.limit
        size = min(left, _PAGE) if left and not skip_to else _PAGE
        while True:
            request = pb.ListVimsRequest(filter=filter_, page_token=token, page_size=size)
            page = await self._stub.ListVims(request, timeout=self._call_timeout_s)
            token = page.next_page_token
            # If few VIMs match, a small limit must not cost a call for each one that does not.
            size = min(2 * size, _PAGE)
            vims = list(page.vims)
            if skip_to:
                places = [place for place, vim in enumerate(vims) if vim.id == skip_to]
                if not places and token:
                    continue
                if not places:
                    raise bad_attribute("marker", f"no VIM of this list has the id {skip_to}")
                vims, skip_to = vims[places[0] + 1 :], ""
            matching = [document for document in map(vim_document, vims) if self._query.matches(document)]
            documents = matching[:left] if left else matching
            yield [self._query.select_fields(document) for document in documents]
            if left and len(documents) == left:
                self.next_marker = documents[-1]["id"] if len(matching) > left else token or None
                return
            left -= len(documents) if left else 0
            if not token:
                return
