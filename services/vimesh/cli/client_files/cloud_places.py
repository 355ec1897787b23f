"""Finds clouds.yaml, secure.yaml and profiles where openstacksdk looks for them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.json_values import read_json
from vimesh.files.read_files import read_text
from vimesh.files.yaml_values import read_yaml

CONFIG_VARIABLE: Final = "OS_CLIENT_CONFIG_FILE"
CLOUD_VARIABLE: Final = "OS_CLOUD"
SECURE_VARIABLE: Final = "OS_CLIENT_SECURE_FILE"
_ENDINGS: Final = (".yaml", ".yml", ".json")


class CloudPlaces:
    """`environment`: the variables of the user; `working`: the folder that the command runs in."""

    def __init__(self, environment: Mapping[str, str], home: Path, working: Path) -> None:
        self._environment = environment
        self._home = home
        self._working = working
        self._bundled: dict[str, Mapping[str, Any]] = {}

    def clouds_file(self) -> Path:
        """Return the clouds.yaml that openstack would use. Raises BadFile with the places if there is none."""
        if given := self._environment.get(CONFIG_VARIABLE):
            return Path(given)
        for place in self._of("clouds"):
            if place.exists():
                return place
        folders = dict.fromkeys(str(place.parent) for place in self._of("clouds"))
        raise BadFile(f"there is no clouds.yaml in {', '.join(folders)}, nor in {CONFIG_VARIABLE}")

    def secure_clouds(self, clouds_file: Path | None) -> Mapping[str, Any]:
        """Return the clouds of the secure.yaml that belongs to a file. Raises BadFile.

        It is that of a variable, or beside the file. For the file that openstack would use (None), it is also looked
        for like that.
        """
        if given := self._environment.get(SECURE_VARIABLE):
            place: Path | None = Path(given)
        else:
            places = self._of("secure") if clouds_file is None else _named("secure", [clouds_file.parent])
            place = next((place for place in places if place.exists()), None)
        if place is None:
            return {}
        clouds = self._read(place).get("clouds") or {}
        if not isinstance(clouds, dict):
            raise BadFile(f"{place}: clouds must be a mapping")
        return clouds

    def profile(self, name: str, clouds_file: Path | None) -> Mapping[str, Any]:
        """Return what a profile says. Raises BadFile if it cannot be found here: none is fetched."""
        for place in self._public_files(clouds_file):
            profiles = self._read(place).get("public-clouds")
            profile = profiles.get(name) if isinstance(profiles, dict) else None
            if isinstance(profile, dict):
                return profile
        found = self._bundled_profile(name)
        inner = found.get("profile")
        if isinstance(inner, str):
            # The bundled ones are one step deep, and then mostly at a URL.
            found = self._bundled_profile(inner)
        if found.get("status") == "shutdown":
            raise BadFile(f"profile {name[:50]!r} is of a cloud that no longer exists")
        return {key: value for key, value in found.items() if key not in ("profile", "status", "message")}

    def _bundled_profile(self, name: str) -> Mapping[str, Any]:
        """Return a profile that openstacksdk brings, if it is installed. Raises BadFile."""
        if urlsplit(name).netloc:
            raise BadFile("has a profile at a URL, which vimesh does not fetch: write its auth_url into the file")
        if name not in self._bundled:
            sdk = importlib.util.find_spec("openstack") if name.replace("-", "").isalnum() else None
            folders = [Path(each) / "config/vendors" for each in (sdk.submodule_search_locations or ())] if sdk else []
            places = [folder / f"{name}{ending}" for folder in folders for ending in _ENDINGS]
            place = next((place for place in places if place.exists()), None)
            profile = self._read(place).get("profile") if place is not None else None
            if not isinstance(profile, dict):
                raise BadFile(
                    f"profile {name[:50]!r} is unknown here: write its auth_url into the file, or put a "
                    "clouds-public.yaml with it beside the file"
                )
            self._bundled[name] = profile
        return self._bundled[name]

    def _public_files(self, clouds_file: Path | None) -> Iterator[Path]:
        places = [*_named("clouds-public", [clouds_file.parent] if clouds_file else []), *self._of("clouds-public")]
        # openstacksdk reads the first that there is.
        yield from [place for place in places if place.exists()][:1]

    def _of(self, stem: str) -> list[Path]:
        sites = self._environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        user = self._environment.get("XDG_CONFIG_HOME") or str(self._home / ".config")
        folders = [
            self._working,
            Path(user, "openstack"),
            self._home / ".config/openstack",
            *(Path(site, "openstack") for site in sites.split(":") if site),
            Path("/etc/openstack"),
        ]
        return _named(stem, list(dict.fromkeys(folders)))

    def _read(self, place: Path) -> Mapping[str, Any]:
        try:
            text = read_text(place, MAX_DOCUMENT_BYTES)
            content = read_json(text) if place.suffix == ".json" else read_yaml(text, keep_written=True)
        except OSError as error:
            raise BadFile(f"{place} cannot be read: {error.strerror}") from None
        except BadFile as error:
            raise BadFile(f"{place}: {error}") from None
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise BadFile(f"{place} must be a mapping")
        return content


def _named(stem: str, folders: list[Path]) -> list[Path]:
    return [folder / f"{stem}{ending}" for folder in folders for ending in _ENDINGS]
