"""Turns OS_* variables, of an openrc file or of the environment, into an entry of a VIM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vimesh.cli.client_files.cloud_config import ACCESS_KEYS, LOGIN_KEYS, configs
from vimesh.cli.client_files.cloud_entries import CloudReader, host_of
from vimesh.cli.client_files.openrc_text import read_assignments
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.files.file_errors import BadFile

ENVIRONMENT: Final = "envvars"
"""What openstacksdk calls the cloud that OS_* variables describe, unless they name it."""
_NAME: Final = "OS_CLOUD_NAME"
_NAMES: Final = (_NAME, "OS_CLOUDNAME")
_PREFIX: Final = "OS_"
_BEHAVIOUR: Final = ("OS_TEST", "OS_STD", "OS_LOG", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", *_NAMES)
"""Variables that say nothing of a cloud."""
_FROM_SHELL: Final = (
    "source the file in a shell and use --cloud envvars, write the value into the file, or use --without-credentials"
)


def environment_name(environment: Mapping[str, str]) -> str:
    """Return the name of the cloud that the variables of a user describe."""
    return environment.get(_NAME) or ENVIRONMENT


def openrc_entries(line: int, text: str, home: str, reader: CloudReader) -> Iterator[FileEntry | Flaw]:
    """Yield the VIM of an openrc file; nothing for an empty one."""
    if not text.strip():
        return
    try:
        found = {name: each for name, each in read_assignments(text, home).items() if name.startswith(_PREFIX)}
    except BadFile as error:
        yield Flaw(error.line or line, error.description)
        return
    unknown = {name: each for name, each in found.items() if each.value is None}
    if not found:
        yield Flaw(line, "sets no OS_* variable")
        return
    needed = next((name for name in unknown if _matters(name, with_credentials=reader.with_credentials)), None)
    if needed is not None:
        each = unknown[needed]
        entry = FileEntry(each.line, {"type": "openstack"})
        yield Flaw(each.line, f"{needed} {each.why}, and vimesh runs no script: {_FROM_SHELL}", entry)
        return
    values = {name: each.value for name, each in found.items() if each.value}
    yield from variable_entries(line, values, reader, "openrc file")


def variable_entries(
    line: int, variables: Mapping[str, str], reader: CloudReader, origin: str
) -> Iterator[FileEntry | Flaw]:
    """Yield the VIM that OS_* variables describe."""
    given = {name: value for name, value in variables.items() if name.startswith(_PREFIX) and value}
    cloud = {
        name.removeprefix(_PREFIX).lower(): value for name, value in given.items() if not name.startswith(_BEHAVIOUR)
    }
    if "cloud" in cloud and "auth_url" not in cloud:
        chosen = f"names the cloud {cloud['cloud'][:50]!r} of a clouds.yaml: use --cloud with its name"
        yield Flaw(line, f"OS_CLOUD {chosen}", FileEntry(line, {}, origin))
        return
    cloud.pop("cloud", None)
    name = next((given[each] for each in _NAMES if each in given), "")
    try:
        name = name or next((host_of(way.auth.get("auth_url", "")) for way in configs(cloud)), "")
        yield from reader.named(line, name, origin, cloud)
    except BadFile as error:
        yield Flaw(line, str(error), FileEntry(line, {"name": name, "type": "openstack"}, origin))


def _matters(name: str, *, with_credentials: bool) -> bool:
    """Return whether a VIM cannot be registered as it is meant without the value of a variable."""
    key = name.removeprefix(_PREFIX).lower()
    return key in ACCESS_KEYS or name in _NAMES or (with_credentials and key in LOGIN_KEYS)
