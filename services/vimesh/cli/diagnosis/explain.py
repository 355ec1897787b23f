"""vimesh vim explain: says why a VIM reads what it reads, and what would change that."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Final

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.v1.explanation_pb2 import ExplainVimRequest, Explanation

_WIDTH: Final = 100
"""Of lines that are not for a terminal."""
_NARROWEST: Final = 40
_INDENT: Final = "  "


def explain(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Say why a VIM reads what it reads, and what would change that. Nothing is probed."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )

    async def ask(front: Front) -> Explanation:
        request = ExplainVimRequest(vim_id=(await find(front, vim, project)).id)
        return (await front.ask(front.vims.ExplainVim, request)).explanation

    explanation = run(settings, ask)
    if settings.output is Output.TABLE:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
        sys.stdout.write("".join(f"{line}\n" for line in _lines(explanation, max(width, _NARROWEST))))
    else:
        documents.write(settings.output, documents.document(explanation))


def _lines(explanation: Explanation, width: int) -> Iterator[str]:
    yield from textwrap.wrap(printable(explanation.headline), width)
    yield ""
    yield "Why:"
    for claim in explanation.claims:
        yield from _item(claim.sentence, width)
    yield ""
    yield "What would change it:"
    for change in explanation.next:
        yield from _item(change.sentence, width)
        if change.command:
            # A command is typed as it stands, so it is never broken.
            yield f"{_INDENT * 2}$ {printable(change.command)}"
    yield ""
    yield f"As of {explanation.as_of.ToJsonString()}, revision {explanation.revision}."


def _item(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        printable(text), width, initial_indent=f"{_INDENT}- ", subsequent_indent=_INDENT * 2, break_on_hyphens=False
    )
