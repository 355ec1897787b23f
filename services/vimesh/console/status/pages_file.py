"""Reads the file of status pages.

pages:
  sites:
    title: Our sites
    project: core
    filter: labels.tier = "gold"
    label: site
    names: {berlin-1: "Berlin I"}
    public: true
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vimesh.domain.errors import BadSetting, FilterInvalid
from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.filters.filter_terms import quoted
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.labels.label_syntax import is_key, is_value
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.read_files import read_text
from vimesh.files.yaml_values import read_yaml

MAX_PAGES: Final = 32
MAX_LINES: Final = 100
"""Lines of a page."""
_MAX_TEXT: Final = 200
_MAX_PROJECT: Final = 255
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEYS: Final = frozenset({"title", "project", "filter", "label", "names", "public"})


@dataclass(frozen=True, slots=True)
class StatusPage:
    name: str
    """As in its path, `/status/<name>`."""
    title: str
    label: str
    """Key of a label: the VIMs with the same value are one line, and those without the label are not shown."""
    project: str = ""
    """The only project whose VIMs are shown; empty: all."""
    filter: str = ""
    """Only VIMs that match are shown."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What is shown instead of a value of the label."""
    fleet: str = ""
    """Names the fleet in the ids of feeds, which are those of other fleets with such a page if it is empty."""
    public: bool = False
    """Whether everybody may read it. Otherwise only people who may read the VIMs of the project."""

    @property
    def vims(self) -> str:
        """The filter that all VIMs of the page match."""
        terms = [f"{LABEL_PREFIX}{self.label}:*"]
        if self.project:
            terms.append(f"project_id = {quoted(self.project)}")
        if self.filter:
            terms.append(f"({self.filter})")
        return " AND ".join(terms)

    def shown(self, value: str) -> str:
        """Return what is shown for a value of the label."""
        return self.names.get(value, value)


def read_pages(path: Path) -> Mapping[str, StatusPage]:
    """Return the pages of a file by name. Raises BadSetting, which names the key."""
    try:
        document = read_yaml(read_text(path, MAX_DOCUMENT_BYTES))
    except OSError as error:
        raise BadSetting(str(path), error.strerror or "cannot be read") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from error
    given = _mapping(str(path), document, {"pages", "fleet"})
    pages = given.get("pages")
    fleet = _text(f"fleet in {path}", given["fleet"]) if "fleet" in given else ""
    if not isinstance(pages, dict) or not 0 < len(pages) <= MAX_PAGES:
        raise BadSetting(f"pages in {path}", f"must be a mapping from names to 1 to {MAX_PAGES} pages")
    return {str(name): _page(f"pages.{str(name)[:63]} in {path}", name, value, fleet) for name, value in pages.items()}


def _page(setting: str, name: object, value: object, fleet: str) -> StatusPage:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadSetting(setting, "is no name of a page: use 1 to 63 lower-case letters, digits and hyphens")
    given = _mapping(setting, value, _KEYS)
    public = given.get("public", False)
    if not isinstance(public, bool):
        raise BadSetting(f"public of {setting}", "must be true or false")
    page = StatusPage(
        name=name,
        title=_text(f"title of {setting}", given.get("title")),
        label=_label(f"label of {setting}", given.get("label")),
        project=_text(f"project of {setting}", given["project"], _MAX_PROJECT) if "project" in given else "",
        filter=_text(f"filter of {setting}", given["filter"], MAX_DOCUMENT_BYTES) if "filter" in given else "",
        names=_names(f"names of {setting}", given.get("names", {})),
        fleet=fleet,
        public=public,
    )
    try:
        # Alone first: parentheses that only match those around it would lead out of the project of the page.
        if page.filter:
            parse_filter(page.filter)
        # With what the page asks for besides.
        parse_filter(f"maintenance = false AND {page.vims}")
    except FilterInvalid as error:
        raise BadSetting(f"filter of {setting}", str(error)) from error
    return page


def _mapping(setting: str, value: object, keys: frozenset[str] | set[str]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadSetting(setting, "must be a mapping")
    for key in value:
        if key not in keys:
            raise BadSetting(setting, f"has the unknown key {str(key)[:50]!r}; known keys: {', '.join(sorted(keys))}")
    return value


def _text(setting: str, value: object, most: int = _MAX_TEXT) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise BadSetting(setting, f"must be a text of at most {most} printable characters")
    return value


def _label(setting: str, value: object) -> str:
    if not isinstance(value, str) or not is_key(value):
        raise BadSetting(setting, "must be the key of a label, such as site")
    return value


def _names(setting: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_LINES:
        raise BadSetting(setting, f"must be a mapping from values of the label to at most {MAX_LINES} names")
    for key, name in value.items():
        if not isinstance(key, str) or not key or not is_value(key):
            raise BadSetting(setting, f"has {str(key)[:63]!r}, which is no value of a label")
        _text(f"{key} in {setting}", name)
    return value
