"""Keeps the files of the browser application in memory. They are built by `make console`, and are part of a wheel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog

from vimesh.console.static_answer import StaticAnswer, prepare_answer

_log = structlog.get_logger()

INDEX: Final = "index.html"
_ASSETS: Final = "assets"
_MAX_FILES: Final = 64
_MAX_FILE_BYTES: Final = 4 * 1024 * 1024
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
"""What is served, by suffix; other files, such as source maps, are not."""
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For files whose names have a hash of their content."""
_ASKED_AGAIN: Final = "no-cache"
MISSING: Final = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>vimesh console</title></head>
<body>
<h1>The console is not built</h1>
<p>The fleet runs without it. The browser application is missing in this installation: its folder has no index.html.</p>
<p>A wheel of vimesh has it. In a checkout, type this, then load the page again:</p>
<pre>make console</pre>
<p>Until then, the command line shows the same: vimesh top, vimesh status, vimesh vim list.</p>
</body>
</html>
"""


class StaticBundle:
    """The files as they were when index.html was last written; each is compressed once."""

    def __init__(self, folder: Path, policy: str) -> None:
        """`policy`: the Content Security Policy of the application."""
        self._folder = folder
        self._headers = {"content-security-policy": policy}
        self._version: int | None = None
        self._files: Mapping[str, StaticAnswer] = {}
        self._missing = prepare_answer(
            MISSING.encode(), _TYPES[".html"], {**self._headers, "cache-control": "no-store"}, 503
        )
        self._lock = asyncio.Lock()

    async def index(self) -> StaticAnswer:
        """Return index.html, or what says that it is missing."""
        return (await self._current()).get(INDEX, self._missing)

    async def file(self, path: str) -> StaticAnswer | None:
        """Return a file by its path in the folder, such as `assets/app-1a2b.js`; None if there is no such file."""
        return (await self._current()).get(path)

    async def _current(self) -> Mapping[str, StaticAnswer]:
        """Return all files. They are read again, in a thread, once index.html is another one."""
        if _version_of(self._folder / INDEX) != self._version:
            async with self._lock:
                version = _version_of(self._folder / INDEX)
                if version != self._version:
                    self._files = await asyncio.to_thread(lambda: dict(self._read()))
                    self._version = version
        return self._files

    def _read(self) -> Iterator[tuple[str, StaticAnswer]]:
        """Yield the files. What is too large, or too much, is left out, and logged."""
        for path in self._paths():
            try:
                if path.stat().st_size > _MAX_FILE_BYTES:
                    _log.warning("a file of the console is too large, and is not served", file=path.name)
                    continue
                content = path.read_bytes()
            except OSError as error:
                _log.warning("a file of the console cannot be read", file=path.name, why=error.strerror)
                continue
            name = path.relative_to(self._folder).as_posix()
            caching = _ASKED_AGAIN if name == INDEX else _IMMUTABLE
            yield name, prepare_answer(content, _TYPES[path.suffix], {**self._headers, "cache-control": caching})

    def _paths(self) -> list[Path]:
        index = self._folder / INDEX
        if not index.is_file():
            return []
        assets = sorted(path for path in (self._folder / _ASSETS).glob("*") if path.suffix in _TYPES and path.is_file())
        if len(assets) >= _MAX_FILES:
            _log.warning("the console has too many files, and not all are served", files=len(assets))
        return [index, *assets[: _MAX_FILES - 1]]


def _version_of(index: Path) -> int | None:
    """Return when the file was last written; None if there is none."""
    try:
        return index.stat().st_mtime_ns
    except OSError:
        return None
