"""Parses one value from a small YAML text, within limits, and explains the parser's errors."""

from __future__ import annotations

import yaml

from vimesh.files.file_errors import BadFile
from vimesh.files.yaml_loader import LOADER, WRITTEN_LOADER, ScalarUnreadable
from vimesh.files.yaml_nodes import Composer


def read_yaml(text: str, *, keep_written: bool = False) -> object:
    """Parse the only document of a text; return None if there is none. Raises BadFile.

    `keep_written`: whether numbers know how they are written, see `number_texts`.
    """
    loader = (WRITTEN_LOADER if keep_written else LOADER)(text)
    composer = Composer(loader)
    try:
        return _only(composer)
    except yaml.reader.ReaderError as error:
        raise explained(error, text.count("\n", 0, error.position) + 1) from None
    except yaml.YAMLError as error:
        raise explained(error, composer.line) from None
    finally:
        loader.dispose()


def _only(composer: Composer) -> object:
    content: object = None
    documents = 0
    while not isinstance(event := composer.next(), yaml.StreamEndEvent):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise BadFile("starts a second document, but only one is expected", composer.line)
        elif not isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent):
            content = composer.value(composer.node(event))
    return content


def explained(error: yaml.YAMLError, line: int) -> BadFile:
    """Return the parser's message, unless it may quote more than one character: the file may contain passwords."""
    if isinstance(error, ScalarUnreadable):
        return BadFile(str(error.problem), line if error.problem_mark is None else error.problem_mark.line + 1)
    if isinstance(error, yaml.reader.ReaderError):
        return BadFile(f"cannot be read as YAML: {error.reason}", line)
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return BadFile("cannot be read as YAML", line)
    return BadFile(f"cannot be read as YAML{_problem(error)} at character {mark.column + 1}", mark.line + 1)


def _problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        return ""
    return f": {error.problem}" if error.problem and "tag handle" not in error.problem else ""
