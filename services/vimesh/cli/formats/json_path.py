"""Prints what a JSONPath selects: alone, or within a template as kubectl takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vimesh.domain.settings import BadFlag

_FLAG: Final = "--output"
_PART = re.compile(r"""\{((?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|[^{}"'])*+)\}""", re.DOTALL)
"""What is in braces, which may hold texts with braces."""
_RANGE: Final = "range "
_END: Final = "end"


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Query:
    path: Any
    """Compiled by the library."""
    body: Sequence[_Part] | None = None
    """What to print for each thing that it selects; None: the thing."""


_Part = _Text | _Query


@dataclass(frozen=True, slots=True)
class JsonPath:
    parts: Sequence[_Part]
    is_template: bool

    def text(self, content: object) -> str:
        """Return what to print of an answer. A list is the `items` of an object for templates, as in Kubernetes."""
        if self.is_template and isinstance(content, list):
            content = {"items": content}
        text = "".join(_printed(self.parts, content))
        return text if not text or text.endswith("\n") else f"{text}\n"


def json_path(expression: str) -> JsonPath:
    """Read `$[*].id`, or a template such as `{range .items[*]}{.name} {end}`. Raises BadFlag."""
    if "{" not in expression:
        each_on_a_line = (_Query(_compiled("$")), _Text("\n"))
        return JsonPath((_Query(_compiled(expression), each_on_a_line),), is_template=False)
    parts, rest = _parts(list(_tokens(expression)), within=False)
    if rest:
        raise BadFlag(_FLAG, "{end} ends no {range}")
    return JsonPath(parts, is_template=True)


def _tokens(template: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of a template, and whether they are in braces."""
    position = 0
    for found in _PART.finditer(template):
        yield from _literal(template[position : found.start()])
        yield True, found[1].strip()
        position = found.end()
    yield from _literal(template[position:])


def _literal(text: str) -> Iterator[tuple[bool, str]]:
    if "{" in text or "}" in text:
        raise BadFlag(_FLAG, f"a brace is not closed in {text[:50]!r}")
    if text:
        yield False, text


def _parts(tokens: list[tuple[bool, str]], *, within: bool) -> tuple[Sequence[_Part], list[tuple[bool, str]]]:
    """Read parts up to the end of the template or, `within` a range, of the range. Return them, and what follows."""
    parts: list[_Part] = []
    while tokens:
        (in_braces, text), tokens = tokens[0], tokens[1:]
        if in_braces and text == _END:
            return parts, tokens if within else [(True, _END)]
        if in_braces and text.startswith(_RANGE):
            body, tokens = _parts(tokens, within=True)
            parts.append(_Query(_compiled(text.removeprefix(_RANGE)), body))
        elif in_braces and text[:1] in {'"', "'"}:
            parts.append(_Text(_unquoted(text)))
        else:
            parts.append(_Query(_compiled(text)) if in_braces else _Text(text))
    if within:
        raise BadFlag(_FLAG, "{range} has no {end}")
    return parts, []


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text[1:-1]}"', strict=False))
    except ValueError:
        raise BadFlag(_FLAG, f"{text[:50]} is not a text in quotes") from None


def _compiled(path: str) -> Any:  # noqa: ANN401 - the library's own
    import jsonpath  # noqa: PLC0415 - takes as long as all else, and few commands need it

    path = path.strip()
    if path == ".":
        path = "$"
    elif not path.startswith("$"):
        # As in kubectl, the root may be left out, and within a range be written as the current thing.
        path = f"${path.removeprefix('@')}" if path[:1] in {"@", ".", "["} else f"$.{path}"
    try:
        return jsonpath.compile(path)
    except (jsonpath.JSONPathError, ValueError, RecursionError) as error:
        raise BadFlag(_FLAG, f"{path[:50]!r} is no JSONPath: {str(error).partition(chr(10))[0]}") from error


def _printed(parts: Sequence[_Part], content: object) -> Iterator[str]:
    for part in parts:
        if isinstance(part, _Text):
            yield part.text
        elif part.body is None:
            yield " ".join(map(_shown, _selected(part.path, content)))
        else:
            for each in _selected(part.path, content):
                yield from _printed(part.body, each)


def _selected(path: Any, content: object) -> list[Any]:  # noqa: ANN401 - the library's own
    if isinstance(content, str):
        # The library would read it as JSON.
        return [content] if path.empty() else []
    found: list[Any] = path.findall(content)
    return found


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
