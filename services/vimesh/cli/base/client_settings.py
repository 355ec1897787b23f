"""Reads where the front is and what to show there: from flags, settings, a profile, or beside a fleet's own data."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vimesh.cli.base.common_settings import (
    CALL_TIMEOUT,
    CLIENT_VARIABLES,
    OUTPUT,
    STATE_FILE,
    UP_DATA_DIR,
    every_variable,
    given,
)
from vimesh.cli.base.explain_login import login_explained
from vimesh.cli.base.unknown_variables import warn_of_misspelt
from vimesh.cli.formats.output_formats import DOCUMENTS, Output, one_of_formats
from vimesh.client.credentials.front_access import front_access
from vimesh.domain.settings import BadFlag, Sources
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_whole


@dataclass(frozen=True, slots=True)
class ClientSettings:
    address: str
    call_timeout_s: float
    output: Output
    credentials: Path | None = None


def client_settings(  # noqa: PLR0913 - one parameter per flag
    config: Path | None,
    *,
    profile: str | None,
    address: str | None,
    credentials: str | None,
    call_timeout: str | None,
    output: str | None,
    formats: Sequence[str] = DOCUMENTS,
) -> ClientSettings:
    """Read what a client needs. Raises BadFlag, BadSetting, Failure.

    `formats`: those that the command has. If another one is chosen for all commands, this one prints a table.
    """
    warn_of_misspelt(os.environ, CLIENT_VARIABLES, every_variable)
    found = given(config)
    with login_explained():
        access = front_access(found, address=address, credentials=credentials, profile=profile)
    return ClientSettings(
        address=access.address,
        call_timeout_s=found.read(CALL_TIMEOUT, call_timeout),
        output=chosen_output(found, output, formats),
        credentials=access.credentials or _credentials_of_own_fleet(found, access.address),
    )


def chosen_output(found: Sources, flag: str | None, formats: Sequence[str]) -> Output:
    """Read in which format to print. Raises BadFlag, BadSetting."""
    chosen = found.read(OUTPUT, flag)
    if chosen.name not in formats:
        if flag is not None:
            raise BadFlag(OUTPUT.flag, one_of_formats(formats, flag))
        return Output.TABLE
    if chosen.expression:
        from vimesh.cli.formats.json_path import json_path  # noqa: PLC0415 - few commands have an expression

        json_path(chosen.expression)  # a mistake in it costs no call
    return chosen


def _credentials_of_own_fleet(found: Sources, front: str) -> Path | None:
    """Return what the fleet in the data directory has made for its user, if that is the front of this fleet."""
    try:
        state = json.loads(read_whole(found.read(UP_DATA_DIR) / STATE_FILE, MAX_SETTINGS_BYTES))
        credentials, of_fleet = state["credentials"], state["address"]
    except (OSError, BadFile, ValueError, KeyError, TypeError):
        return None  # there is no fleet, or another process is writing about it
    return Path(credentials) if credentials and of_fleet == front else None
