"""Turns the clouds of a clouds.yaml, and OS_* variables, into entries of VIMs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from vimesh.cli.client_files.cloud_config import CloudConfig, configs, profile_of, with_secrets
from vimesh.cli.client_files.cloud_places import CloudPlaces
from vimesh.cli.client_files.entry_choice import CLOUD, EntryChoice, require_known
from vimesh.cli.client_files.named_files import NamedFiles, TooLarge
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_CLOUDS

_PROJECT: Final = {
    "project_name": "name",
    "project_id": "id",
    "project_domain_name": "project_domain_name",
    "project_domain_id": "project_domain_id",
}
"""Keys of `auth`, and those of `vim_project` that they become."""
_SECRETS: Final[Mapping[str, Sequence[str]]] = {
    "password": ("password",),
    "v3password": ("password",),
    "v2password": ("password",),
    "v3applicationcredential": ("application_credential_secret",),
    "v3token": ("token",),
    "v2token": ("token",),
    "token": ("token",),
}
"""What cannot be missing, by the type of login; others are taken as they are."""
_LISTED: Final = 10
_SHOWN: Final = 50


class CloudReader:
    """`clouds_file`: the file, beside which secure.yaml and paths are looked for; None: that of openstack's search."""

    def __init__(
        self, places: CloudPlaces, files: NamedFiles, choice: EntryChoice, clouds_file: Path | None, *, searched: bool
    ) -> None:
        self._places = places
        self._files = files
        self._choice = choice
        self._clouds_file = clouds_file
        self._searched = searched

    @property
    def with_credentials(self) -> bool:
        return self._choice.with_credentials

    def entries(self, line: int, content: Mapping[Any, Any]) -> Iterator[FileEntry | Flaw]:
        """Yield a VIM for each cloud. Raises BadFlag for a cloud that is wanted and not there."""
        clouds = content.get("clouds")
        if not isinstance(clouds, Mapping):
            yield Flaw(line, "clouds must be a mapping of names to clouds")
            return
        try:
            secrets = self._places.secure_clouds(None if self._searched else self._clouds_file)
        except BadFile as error:
            yield Flaw(line, str(error))
            return
        named = {str(name): cloud for name, cloud in clouds.items()}
        named.update({str(name): {} for name in secrets if str(name) not in named})
        require_known(CLOUD, self._choice.clouds, list(named), "cloud")
        wanted = {name: cloud for name, cloud in named.items() if name in (self._choice.clouds or named)}
        if len(wanted) > MAX_CLOUDS:
            yield Flaw(line, f"describes more than {MAX_CLOUDS} clouds")
            return
        for name, cloud in wanted.items():
            yield from self._of_cloud(line, name, cloud or {}, secrets.get(name, {}))

    def _of_cloud(self, line: int, name: str, cloud: object, secrets: object) -> Iterator[FileEntry | Flaw]:
        origin = f"cloud {name}"
        try:
            whole = with_secrets(cloud, secrets or {})
            profile = self._places.profile(found, self._clouds_file) if (found := profile_of(whole)) else {}
            yield from self.named(line, name, origin, whole, profile)
        except BadFile as error:
            yield Flaw(line, str(error), FileEntry(line, {"name": name, "type": "openstack"}, origin))

    def named(
        self, line: int, name: str, origin: str, cloud: Mapping[str, Any], profile: Mapping[str, Any] | None = None
    ) -> Iterator[FileEntry | Flaw]:
        """Yield a VIM for each way to log in to a cloud: mostly one. Raises BadFile."""
        ways = configs(cloud, profile)
        if len(ways) > MAX_CLOUDS:
            raise BadFile(f"has more than {MAX_CLOUDS} regions that log in differently")
        for way in ways:
            several = len(ways) > 1
            yield self._entry(
                line,
                f"{name}-{'-'.join(way.regions)}" if several else name,
                f"{origin}, region {', '.join(way.regions)}" if several else origin,
                way,
            )

    def _entry(self, line: int, name: str, origin: str, config: CloudConfig) -> FileEntry | Flaw:
        auth = dict(config.auth)
        content: dict[str, Any] = {"name": name, "type": "openstack", "auth_url": auth.pop("auth_url", "")}
        content["vim_project"] = {new: auth.pop(old) for old, new in _PROJECT.items() if old in auth}
        if config.regions:
            content["placement_attr"] = {"regions": list(config.regions)}
        remarks: list[str] = []
        if not content["auth_url"]:
            why = "has no auth_url: write it into its auth, or name a profile that has one"
            return Flaw(line, why, FileEntry(line, content, origin))
        try:
            if self._choice.with_credentials:
                content["auth_cred"] = self._credentials(auth, config, remarks)
        except BadFile as error:
            return Flaw(line, str(error), FileEntry(line, content, origin))
        if config.left_out:
            left = ", ".join(key[:_SHOWN] for key in config.left_out[:_LISTED])
            more = f" and {len(config.left_out) - _LISTED} more" if len(config.left_out) > _LISTED else ""
            remarks.append(f"left out: {left}{more}")
        return FileEntry(line, content, origin, tuple(remarks))

    def _credentials(self, auth: Mapping[str, str], config: CloudConfig, remarks: list[str]) -> dict[str, str]:
        for name in _SECRETS.get(config.auth_type, ()):
            if config.auth_type == "password" and ("token" in auth or "application_credential_secret" in auth):
                break
            if not auth.get(name):
                raise BadFile(f"has no {name}: add it, in a secure.yaml if you like, or use --without-credentials")
        credentials = {**auth, "cert_verify": str(config.verify)}
        if config.auth_type != "password":
            credentials["auth_type"] = config.auth_type
        if config.ca_file:
            try:
                credentials["ssl_ca_cert"] = self._read("cacert", self._files.certificates, config.ca_file)
            except TooLarge:
                remarks.append("cacert has too many certificates to be stored: name the file of this cloud's own")
        if config.cert_file:
            credentials["client_cert"] = self._read("cert", self._files.certificates, config.cert_file)
            credentials["client_key"] = self._read("key", self._files.key, config.key_file or config.cert_file)
        return credentials

    def _read(self, key: str, read: Callable[[str], str], path: str) -> str:
        try:
            return read(path)
        except BadFile as error:
            raise BadFile(f"{key}: {path[:200]} {error}") from None


def host_of(url: str) -> str:
    """Return the host of a URL, by which a VIM is called whose file has no name for it; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
