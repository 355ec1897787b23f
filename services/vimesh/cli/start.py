"""Begins the `vimesh` command: what a shell asks for while somebody types is answered without importing any command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from vimesh.cli.completion.answer_shell import COMPLETE_VARIABLE, FETCH_VARIABLE, answer_shell


def main() -> NoReturn:
    if FETCH_VARIABLE in os.environ:
        from vimesh.cli.completion.fetch_answers import fetch_answers  # noqa: PLC0415 - imports gRPC

        fetch_answers(os.environ[FETCH_VARIABLE], sys.argv[1:])
        sys.exit()
    if COMPLETE_VARIABLE in os.environ and (code := answer_shell(os.environ)) is not None:
        sys.exit(code)
    from vimesh.cli.main import main as run_command  # noqa: PLC0415 - takes longer than an answer

    run_command()
