"""Writes status pages, badges and feeds. Each value is escaped where it is put in: names are what people wrote."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vimesh.console.status.line_states import LineState, LineView

_TEMPLATES: Final = Path(__file__).parent / "templates"
_COLOURS: Final = {
    LineState.REACHABLE: "#1a7f37",
    LineState.UNREACHABLE: "#b62324",
    LineState.DEGRADED: "#8a4600",
    LineState.UNKNOWN: "#57606a",
    LineState.PENDING: "#57606a",
    LineState.MAINTENANCE: "#0b5cad",
}
"""White text has a contrast of at least 4.5 on each."""
_CHARACTER_PX: Final = 7
_PADDING_PX: Final = 12
_MAX_BADGE_TEXT: Final = 60


@dataclass(frozen=True, slots=True)
class PageView:
    """What a page says."""

    name: str
    title: str
    headline: str
    worst: LineState
    lines: Sequence[LineView]
    omitted: int
    asked: dt.datetime | None
    """When the fleet was asked; None: it never answered."""
    stale_since: dt.datetime | None
    """Since when it cannot be asked; None: it answers."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    id: str
    title: str
    text: str
    updated: dt.datetime


def _iso(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


class PageWriter:
    def __init__(self) -> None:
        # Not chosen by the suffix of a template: all of them are markup.
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
        )
        self._environment.filters.update(iso=_iso, utc=_utc)
        self._style = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
        digest = hashlib.sha256(self._style.encode()).digest()
        self.style_hash: Final = f"sha256-{base64.b64encode(digest).decode()}"

    def page(self, view: PageView) -> bytes:
        fields = {name: getattr(view, name) for name in PageView.__slots__}
        return self._environment.get_template("page.html").render(fields, style=self._style).encode()

    def badge(self, label: str, state: LineState) -> bytes:
        label = label if len(label) <= _MAX_BADGE_TEXT else f"{label[: _MAX_BADGE_TEXT - 1]}…"
        left, right = (len(text) * _CHARACTER_PX + _PADDING_PX for text in (label, state.value))
        template = self._environment.get_template("badge.svg")
        return template.render(label=label, state=state.value, colour=_COLOURS[state], left=left, right=right).encode()

    def feed(self, view: PageView, feed_id: str, items: Sequence[FeedItem], updated: dt.datetime) -> bytes:
        template = self._environment.get_template("feed.atom")
        return template.render(name=view.name, title=view.title, feed_id=feed_id, items=items, updated=updated).encode()
