"""Reads where a front is and what to show there: from arguments, from settings, or from a profile of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vimesh.client.credentials.profiles import PROFILE, Profile, Profiles, profiles_folder, read_profiles
from vimesh.client.login.login_errors import LoginEnded
from vimesh.domain.settings import ADDRESS, CREDENTIALS, Sources
from vimesh.files.certificate_files import LOGIN


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
        """What to show to the front. Raises LoginEnded if that takes a login first."""
        if not self.profile.issuer:
            return Path(self.profile.credentials) if self.profile.credentials else None
        folder = self.profiles.login_folder(self.name)
        if not (folder / LOGIN).exists():
            raise LoginEnded(f"not logged in to profile {self.name}", self.name)
        return folder


def chosen_profile(found: Sources, profile: str | None = None) -> ChosenProfile | None:
    """Return the profile that is named, or the current one of the user. Raises BadFlag, BadSetting."""
    profiles = read_profiles(profiles_folder(found.environment))
    name = found.read(PROFILE, profile) or profiles.current
    return ChosenProfile(name, profiles.profile(name), profiles) if name else None


@dataclass(frozen=True, slots=True)
class FrontAccess:
    address: str
    credentials: Path | None
    """Folder with what to show; None: nothing is said about that."""


def front_access(
    found: Sources, *, address: str | None = None, credentials: str | None = None, profile: str | None = None
) -> FrontAccess:
    """Return what the arguments say, or else the sources, or else a profile.

    Raises BadFlag, BadSetting, and LoginEnded if the user is not logged in to the profile.
    """
    chosen = chosen_profile(found, profile)
    front = found.read(ADDRESS if chosen is None else replace(ADDRESS, default=chosen.address), address)
    # What is for one front is shown to no other.
    of_profile = chosen if chosen is not None and chosen.address == front else None
    shown = found.read(CREDENTIALS, credentials) or (None if of_profile is None else of_profile.credentials)
    return FrontAccess(front, shown)


def access_from_environment(
    environment: Mapping[str, str],
    *,
    address: str | None = None,
    credentials: str | None = None,
    profile: str | None = None,
) -> FrontAccess:
    """Return what the arguments say, or else VIMESH_ADDRESS, VIMESH_CREDENTIALS, VIMESH_PROFILE, or a profile.

    Raises as `front_access` does.
    """
    given = {"address": address, "credentials": credentials, "profile": profile}
    # An argument of a program is no flag that somebody typed: an error has to name it as what it is.
    said = {f"VIMESH_{key.upper()}": value for key, value in given.items() if value is not None}
    return front_access(Sources({**environment, **said}, {}))
