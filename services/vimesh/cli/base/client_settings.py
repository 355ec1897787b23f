"""Reads where the front is and what to show there: from flags, settings, a profile, or beside a fleet's own data."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vimesh.cli.base.command_settings import CALL_TIMEOUT, OUTPUT, PROFILE, STATE_FILE, UP_DATA_DIR, VARIABLES, given
from vimesh.cli.base.exits import Failure
from vimesh.cli.base.profiles import LOGIN_FILE, Profile, Profiles, profiles_folder, read_profiles
from vimesh.cli.base.unknown_variables import warn_of_misspelt
from vimesh.cli.formats.json_path import json_path
from vimesh.cli.formats.output_formats import DOCUMENTS, Output, one_of_formats
from vimesh.domain.settings import ADDRESS, CREDENTIALS, BadFlag, Sources
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_whole


@dataclass(frozen=True, slots=True)
class ClientSettings:
    address: str
    call_timeout_s: float
    output: Output
    credentials: Path | None = None


@dataclass(frozen=True, slots=True)
class ChosenProfile:
    name: str
    profile: Profile
    profiles: Profiles

    @property
    def address(self) -> str:
        return self.profile.address or ADDRESS.default

    @property
    def credentials(self) -> Path | None:
        """What to show to the front. Raises Failure if that takes a login first."""
        if not self.profile.issuer:
            return Path(self.profile.credentials) if self.profile.credentials else None
        folder = self.profiles.login_folder(self.name)
        if not (folder / LOGIN_FILE).exists():
            raise Failure(f"not logged in to profile {self.name}", hint=f"vimesh login --profile {self.name}")
        return folder


def chosen_profile(found: Sources, profile: str | None) -> ChosenProfile | None:
    """Return the profile that is named, or the current one of the user. Raises BadSetting."""
    profiles = read_profiles(profiles_folder(os.environ))
    name = found.read(PROFILE, profile) or profiles.current
    return ChosenProfile(name, profiles.profile(name), profiles) if name else None


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
    warn_of_misspelt(os.environ, VARIABLES)
    found = given(config)
    chosen = chosen_profile(found, profile)
    front = found.read(ADDRESS if chosen is None else replace(ADDRESS, default=chosen.address), address)
    return ClientSettings(
        address=front,
        call_timeout_s=found.read(CALL_TIMEOUT, call_timeout),
        output=chosen_output(found, output, formats),
        credentials=found.read(CREDENTIALS, credentials)
        # What is for one front is shown to no other.
        or (chosen.credentials if chosen is not None and chosen.address == front else None)
        or _credentials_of_own_fleet(found, front),
    )


def chosen_output(found: Sources, flag: str | None, formats: Sequence[str]) -> Output:
    """Read in which format to print. Raises BadFlag, BadSetting."""
    chosen = found.read(OUTPUT, flag)
    if chosen.name not in formats:
        if flag is not None:
            raise BadFlag(OUTPUT.flag, one_of_formats(formats, flag))
        return Output.TABLE
    if chosen.expression:
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
