"""Counts HTTP requests, in plain numbers that any thread may read."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from vimesh.runtime.histogram import Histogram

NO_ANSWER: Final = "none"
"""The code of a request whose caller was gone before there was an answer."""
NO_ROUTE: Final = "none"
"""The route of a request that was refused before its path was looked at, or has a path that is not served."""
_OTHER_METHOD: Final = "other"
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class RequestStatistics:
    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, str], int] = {}
        """By method, route and code."""
        self.durations: dict[str, Histogram] = {}
        """Seconds from the head of a request to the end of its answer, by route."""

    def count(self, scope: Scope, status: int, took_s: float) -> None:
        """Count a request that is over; `status`: 0 if it was not answered."""
        method, route = scope["method"], scope.get("route")
        path = NO_ROUTE if route is None else route.path
        key = (method if method in _METHODS else _OTHER_METHOD, path, str(status) if status else NO_ANSWER)
        self.requests[key] = self.requests.get(key, 0) + 1
        if (durations := self.durations.get(path)) is None:
            durations = self.durations[path] = Histogram()
        durations.observe(took_s)
