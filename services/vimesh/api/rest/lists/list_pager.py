"""Collects what matches a query, with as many calls as needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

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

    async def pages(
        self, fetch: Fetch[Document], token: str, *, is_searching: Callable[[], bool] = lambda: False
    ) -> Pages:
        """Yield the pages from that of the token on. `fetch` returns only documents that match.

        Empty pages are yielded, too, so that the response begins, and ends if its client leaves; but not while
        `is_searching()`, because a marker that is not found is an error, which must come before the response.
        """
        left = self.query.limit
        # A marker that is no token is looked for first, so the limit says nothing about the size of that page.
        size = min(left, PAGE_SIZE) if left and token == self.query.marker else PAGE_SIZE
        async for matching, following in list_pages(fetch, first_size=size, token=token):
            documents = matching[:left] if left else matching
            if documents or not is_searching():
                yield [self.query.select_fields(document) for document in documents]
            if left and len(documents) == left:
                self.next_marker = str(documents[-1]["id"]) if len(matching) > left else following or None
                return
            left -= len(documents) if left else 0
