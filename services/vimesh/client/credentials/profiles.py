"""Reads the profiles of a user: the fleets that the commands know by a name, in `config.yaml` of their own folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from vimesh.domain.access.secure_urls import secure_url
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import Setting, address_of_front
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_text

PROFILES_FILE: Final = "config.yaml"
_LOGINS: Final = "logins"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", re.ASCII)
_MAX_TEXT: Final = 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """What is not set is empty."""

    address: str = ""
    credentials: str = ""
    """Folder with what to show to the front; absolute, as all paths."""
    issuer: str = ""
    """Who gives tokens to `vimesh login`, instead of `credentials`."""
    client_id: str = ""
    resource: str = ""
    scope: str = ""
    issuer_ca: str = ""
    """File with the authorities of the issuer."""
    ca: str = ""
    """File with the authorities of the front, if there is an issuer; else they are in `credentials`."""


PROFILE_KEYS: Final = tuple(each.name for each in fields(Profile))
_PATHS: Final = frozenset({"credentials", "issuer_ca", "ca"})
_FOR_ISSUERS: Final = ("client_id", "resource", "scope", "issuer_ca", "ca")


@dataclass(frozen=True, slots=True)
class Profiles:
    folder: Path
    """Where the file is, or would be."""
    current: str = ""
    """Name of the profile that is used if none is named; empty: none."""
    by_name: Mapping[str, Profile] = field(default_factory=dict)

    def profile(self, name: str) -> Profile:
        """Raises BadSetting."""
        if name not in self.by_name:
            raise BadSetting(str(self.folder / PROFILES_FILE), f"has no profile {name}; vimesh profile list shows all")
        return self.by_name[name]

    def login_folder(self, name: str) -> Path:
        """Return where the token of a profile is, if its user is logged in."""
        return self.folder / _LOGINS / name


def profiles_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of vimesh for its user's settings, by the XDG Base Directory Specification."""
    base = Path(environment.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path(environment.get("HOME", "/"), ".config")) / "vimesh"


def read_profiles(folder: Path) -> Profiles:
    """Read the file; without one there are no profiles. Raises BadSetting."""
    path = folder / PROFILES_FILE
    try:
        text = read_text(path, MAX_SETTINGS_BYTES)
    except FileNotFoundError:
        return Profiles(folder)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from error
    try:
        from vimesh.files.yaml_values import read_yaml  # noqa: PLC0415 - most users have no profiles
    except ModuleNotFoundError as error:
        raise BadSetting(str(path), "cannot be read without PyYAML: pip install 'vimesh[client]'") from error
    try:
        content = read_yaml(text)
        return Profiles(folder) if content is None else _profiles(folder, content)
    except (BadFile, ValueError) as error:
        raise BadSetting(str(path), str(error)) from error


def profile_name(text: str) -> str:
    """Check the name of a profile, which is also that of a folder. Raises ValueError."""
    if _NAME.fullmatch(text):
        return text
    raise ValueError(f"must be the name of a profile: letters, digits and any of . _ -, not {text[:50]!r}")


def checked_profile(values: Mapping[str, object], folder: Path) -> Profile:
    """Check the values of a profile. `folder`: what relative paths begin at. Raises ValueError."""
    if unknown := [str(key) for key in values if key not in PROFILE_KEYS]:
        raise ValueError(f"{unknown[0][:50]} is unknown; known keys: {', '.join(PROFILE_KEYS)}")
    texts = {key: _text(key, value) for key, value in values.items() if value not in (None, "")}
    for key in _PATHS & texts.keys():
        texts[key] = str(folder / texts[key])
    profile = Profile(**texts)
    _check("address", address_of_front, profile.address)
    _check("issuer", secure_url, profile.issuer)
    _check("resource", _uri, profile.resource)
    if profile.issuer and profile.credentials:
        raise ValueError("credentials cannot be used with issuer")
    if profile.issuer and not profile.client_id:
        raise ValueError("client_id is required, too, as the issuer knows it")
    if not profile.issuer and (lonely := [key for key in _FOR_ISSUERS if key in texts]):
        raise ValueError(f"{lonely[0]} is only for a profile with an issuer")
    return profile


PROFILE = Setting("profile", profile_name, "")
"""Which profile to use; empty: the current one of the user, if any."""


def _profiles(folder: Path, content: object) -> Profiles:
    document = _mapping("the file", content)
    if not document.keys() <= {"current", "profiles"}:
        raise ValueError("must hold current and profiles, and nothing else")
    by_name = {}
    for name, values in _mapping("profiles", document.get("profiles") or {}).items():
        try:
            by_name[profile_name(str(name))] = checked_profile(_mapping("a profile", values or {}), folder)
        except ValueError as error:
            raise ValueError(f"{str(name)[:50]}: {error}") from error
    current = str(document.get("current") or "")
    if current and current not in by_name:
        raise ValueError("current is the name of no profile")
    return Profiles(folder, current, by_name)


def _mapping(what: str, value: object) -> Mapping[Any, object]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"{what} must be a mapping")


def _text(key: str, value: object) -> str:
    if isinstance(value, str) and len(value) <= _MAX_TEXT and value.isprintable():
        return value
    raise ValueError(f"{key} must be a text of at most {_MAX_TEXT} printable characters")


def _check(key: str, parse: Callable[[str], object], text: str) -> None:
    if text:
        try:
            parse(text)
        except ValueError as error:
            raise ValueError(f"{key} {error}") from error


def _uri(text: str) -> str:
    # RFC 8707, section 2: an absolute URI without a fragment.
    if _URI.fullmatch(text) and "#" not in text:
        return text
    raise ValueError("must be an absolute URI without a fragment")
