"""Writes what is made from the code and the contract, and committed: `make reference`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from docs.generator.commands_page import commands_page
from docs.generator.completion_words import words_text
from docs.generator.contract_page import contract_page
from docs.generator.errors_page import errors_page
from docs.generator.man_pages import man_pages
from docs.generator.messages_page import messages_page
from docs.generator.openapi_document import openapi_text
from docs.generator.settings_page import settings_page
from vimesh.cli.completion.answer_shell import WORDS_FILE
from vimesh.envoy.doors.json_door import DESCRIPTION_FILE

_ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = _ROOT / "docs/reference"
MAN_FOLDER: Final = _ROOT / "docs/man"
"""In an installation, `share/man/man1`."""
OPENAPI_FILE: Final = _ROOT / "services/vimesh/envoy/doors" / DESCRIPTION_FILE
PAGES: Final[dict[str, Callable[[], str]]] = {
    "commands.md": commands_page,
    "settings.md": settings_page,
    "contract.md": contract_page,
    "messages.md": messages_page,
    "errors.md": errors_page,
}
_ORIGIN: Final = "<!-- made by `make reference` -->"


def made_files() -> Iterator[tuple[Path, str]]:
    """Yield each file and what is to be in it."""
    for name, page in PAGES.items():
        yield FOLDER / name, f"{_ORIGIN}\n\n{page().rstrip()}\n"
    for name, text in man_pages():
        yield MAN_FOLDER / name, text
    yield OPENAPI_FILE, openapi_text()
    yield Path(WORDS_FILE), words_text()


if __name__ == "__main__":
    MAN_FOLDER.mkdir(exist_ok=True)
    files = dict(made_files())
    for stale in {*FOLDER.iterdir(), *MAN_FOLDER.iterdir()} - set(files):
        stale.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
