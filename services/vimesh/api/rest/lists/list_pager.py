"""Collects what matches a query, with as many calls as needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from vimesh.api.rest.documents.vim_document import Document
from vimesh.api.rest.lists.list_query import ListQuery
from vimesh.rpc.list_pages import PAGE_SIZE, Fetch, list_pages

Documents = Sequence[Document]
Pages = AsyncGenerator[Documents]


class ListPager:
    def __init__(self, query: ListQuery) -> None:
        self.query = query
        self.next_marker: str | None = None
        """Where a list with a limit continues; None if nothing is left. Set once `pages` has ended."""

    async def pages(self, fetch: Fetch[Document], token: str) -> Pages:
        """Yield the pages that are not empty, from that of the token on. `fetch` returns only documents that match."""
        left = self.query.limit
        # A marker that is no token is looked for first, so the limit says nothing about the size of that page.
        size = min(left, PAGE_SIZE) if left and token == self.query.marker else PAGE_SIZE
        async for matching, following in list_pages(fetch, first_size=size, token=token):
            documents = matching[:left] if left else matching
            if documents:
                yield [self.query.select_fields(document) for document in documents]
            if left and len(documents) == left:
                self.next_marker = str(documents[-1]["id"]) if len(matching) > left else following or None
                return
            left -= len(documents) if left else 0
