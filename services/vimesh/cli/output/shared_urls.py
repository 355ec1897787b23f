"""Tells of VIMs that have the same URL: somebody may have meant one cloud, for which a file has several logins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

_SHOWN_URLS: Final = 5
_SHOWN_NAMES: Final = 3


def shared_url_lines(vims: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each URL that several VIMs have. `vims`: the name and the URL of each."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, url in vims:
        names[url.rstrip("/")].append(name)
    shared = [f"note: {_listed(of_url)} have the same auth_url, {url}" for url, of_url in names.items() if of_url[1:]]
    more = len(shared) - _SHOWN_URLS
    return [*shared[:_SHOWN_URLS], *([f"... and VIMs at {more} more URLs"] if more > 0 else [])]


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"{len(names)} VIMs ({shown} and {more} more)" if more > 0 else f"{len(names)} VIMs ({shown})"
