"""Makes a site of pages that are written to be read in the checkout: MkDocs calls this, by `make site`.

The navigation is the list in docs/README.md. Pages at the top of the checkout become pages of the site, and other
files that a page leads to are put beside them; what leads to a folder becomes plain text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT: Final = Path(__file__).parents[2]
_DOCS: Final = _ROOT / "docs"
_PROGRAMS: Final = Path(__file__).parent
_INDEX: Final = _DOCS / "README.md"
_LISTED: Final = ("decisions", "runbooks")
"""Folders of which the site has a list, as a checkout has."""
_LISTS: Final = {_DOCS / name for name in _LISTED}
_TOP: Final = "project"
"""Where the site has the rest of the checkout."""
_LINK = re.compile(r"\[([^\]\n]*)\]\(([^()\s#]+)(#[^()\s]*)?\)")
_CODE = re.compile(r"`[^`\n]+`")
_FENCE = re.compile(r"\s*(```|~~~)")
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")
_HEADING = re.compile(r"#+ (.+)")


def on_config(config: MkDocsConfig) -> None:
    sections: list[tuple[str, list[object]]] = [("", [_INDEX.name])]
    for line in _INDEX.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            sections.append((line.removeprefix("## "), []))
        sections[-1][1].extend(_entry(text, path) for text, path, place in _LINK.findall(line) if not place)
    (_, first), *others = sections
    config.nav = [*first, *({title: entries} for title, entries in others)]


def _entry(text: str, path: str) -> dict[str, object]:
    title = text[:1].upper() + text[1:]
    return {title: [f"{path}/index.md", *_pages_in(path)] if path in _LISTED else _uri_of((_DOCS / path).resolve())}


def on_files(files: Files, config: MkDocsConfig) -> None:
    for name in _LISTED:
        files.append(File.generated(config, f"{name}/index.md", content=_list_of(name)))
    outside = {target for page in _all_pages() for target in _targets(page) if not _is_document(target)}
    for path in sorted(outside):
        if path.is_file():
            files.append(File.generated(config, _uri_of(path), abs_src_path=str(path)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs' names
    source = page.file.abs_src_path
    return "\n".join(_lines(markdown, None if source is None else Path(source), page.file.src_uri))


def _lines(markdown: str, source: Path | None, uri: str) -> Iterator[str]:
    fenced, before = False, ""
    for line in markdown.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        if fenced or source is None:
            yield line
            continue
        # Here a list needs an empty line before it, and a bar in code no backslash.
        if _ITEM.match(line) and before and not before.startswith(" ") and not _ITEM.match(before):
            yield ""
        if line.startswith("|"):
            line = _CODE.sub(lambda code: code[0].replace("\\|", "|"), line)  # noqa: PLW2901 - it is this line
        yield _LINK.sub(lambda link: _led(link, source, uri), line)
        before = line


def _led(link: re.Match[str], source: Path, uri: str) -> str:
    """Return the link as the site needs it."""
    text, path, place = link[1], link[2], link[3] or ""
    if ":" in path:
        return link[0]
    target = (source.parent / path).resolve()
    if target in _LISTS:
        target /= "index.md"
    elif target.is_dir():
        return text
    return f"[{text}]({_from(uri, _uri_of(target))}{place})"


def _from(uri: str, target: str) -> str:
    return PurePosixPath(os.path.relpath(target, PurePosixPath(uri).parent)).as_posix()


def _uri_of(path: Path) -> str:
    """Return where the site has a file of the checkout."""
    if _is_document(path):
        return path.relative_to(_DOCS).as_posix()
    return f"{_TOP}/{path.relative_to(_ROOT).as_posix()}"


def _is_document(path: Path) -> bool:
    return path.is_relative_to(_DOCS) and not path.is_relative_to(_PROGRAMS)


def _all_pages() -> Iterator[Path]:
    yield from sorted(_DOCS.rglob("*.md"))
    yield from sorted(_ROOT.glob("*.md"))


def _targets(page: Path) -> Iterator[Path]:
    for _, path, _ in _LINK.findall(page.read_text(encoding="utf-8")):
        if ":" not in path:
            yield (page.parent / path).resolve()


def _pages_in(folder: str) -> list[str]:
    return [f"{folder}/{page.name}" for page in sorted((_DOCS / folder).glob("*.md"))]


def _list_of(folder: str) -> str:
    pages = sorted((_DOCS / folder).glob("*.md"))
    titles = ((_HEADING.match(page.read_text(encoding="utf-8")), page.name) for page in pages)
    return "\n".join([f"# {folder.capitalize()}\n", *(f"- [{title[1]}]({name})" for title, name in titles if title)])
