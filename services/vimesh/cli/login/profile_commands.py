"""vimesh profile: names the fleets of a user, with their addresses and what to show there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from vimesh.certificates.file_generations import make_private, replace_file
from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import chosen_output
from vimesh.cli.base.common_settings import given
from vimesh.cli.base.exits import Failure
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lazy_commands import group_with_aliases
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.output.table_columns import ResourceTable, TableColumn
from vimesh.client.credentials.profiles import (
    PROFILE_KEYS,
    PROFILES_FILE,
    Profile,
    Profiles,
    checked_profile,
    profile_name,
    profiles_folder,
    read_profiles,
)
from vimesh.domain.settings import BadFlag
from vimesh.files.certificate_files import LOGIN

_T = TypeVar("_T")

app = typer.Typer(
    cls=group_with_aliases({"ls": "list", "create": "set"}),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Name fleets, and choose one of them.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.")]


def _option(flag: str, metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, metavar=metavar, help=text)
    return option


@dataclass(frozen=True, slots=True)
class _NamedProfile:
    name: str
    profile: Profile
    is_current: bool


_PROFILES: Final = ResourceTable[_NamedProfile](
    columns=(
        TableColumn("CURRENT", lambda named: "*" if named.is_current else ""),
        TableColumn("NAME", lambda named: named.name),
        TableColumn("ADDRESS", lambda named: named.profile.address),
        TableColumn("ISSUER OR CREDENTIALS", lambda named: named.profile.issuer or named.profile.credentials),
    ),
    name=lambda named: named.name,
    document=lambda named: {"name": named.name, "current": named.is_current, **asdict(named.profile)},
)


@app.command("list")
def list_profiles(
    *,
    columns: list_flags.Columns = None,
    no_headers: list_flags.NoHeaders = False,
    sort_by: list_flags.SortBy = None,
    output: client_flags.RowsOutput = None,
    config: flags.Config = None,
) -> None:
    """List the profiles; an asterisk marks the current one."""
    choice = list_flags.list_choice(
        chosen_output(given(config), output, ROWS), _PROFILES, columns=columns, no_headers=no_headers, sort_by=sort_by
    )
    profiles = _read()
    rows = [_NamedProfile(name, each, name == profiles.current) for name, each in sorted(profiles.by_name.items())]
    if not rows and choice.output is Output.TABLE:
        typer.echo("no profiles; make one with: vimesh profile set NAME --address HOST:PORT")
        return
    print_items(_PROFILES, rows, choice)


@app.command()
def use(name: Name) -> None:
    """Use a profile whenever none is named by --profile or VIMESH_PROFILE."""
    profiles = _read()
    profiles.profile(name)
    _write(replace(profiles, current=name))
    typer.echo(f"the current profile is {name}")


@app.command("set")
def set_profile(  # noqa: PLR0913 - one parameter per flag
    name: Name,
    *,
    address: Annotated[str | None, _option("--address", "HOST:PORT", "Address of the front.")] = None,
    credentials: Annotated[
        str | None, _option("--credentials", "DIR", "Folder with tls.crt, tls.key, ca.crt or token.")
    ] = None,
    issuer: Annotated[
        str | None, _option("--issuer", "URL", "OpenID Connect issuer for vimesh login, instead of --credentials.")
    ] = None,
    client_id: Annotated[
        str | None, _option("--client-id", "ID", "Name by which the issuer knows this command line.")
    ] = None,
    resource: Annotated[
        str | None, _option("--resource", "URI", "What the token is for, if the issuer has to be told (RFC 8707).")
    ] = None,
    scope: Annotated[
        str | None, _option("--scope", "SCOPES", "Scopes to ask for [default: openid offline_access].")
    ] = None,
    issuer_ca: Annotated[
        str | None, _option("--issuer-ca", "FILE", "Authorities of the issuer [default: those of the system].")
    ] = None,
    ca: Annotated[
        str | None,
        _option("--ca", "FILE", "Authorities of the front, with --issuer [default: those of the system]."),
    ] = None,
) -> None:
    """Create a profile, or change what is given of it: an empty value removes one.

    The first profile becomes the current one.
    """
    flags_given = {
        "address": address,
        "credentials": credentials,
        "issuer": issuer,
        "client_id": client_id,
        "resource": resource,
        "scope": scope,
        "issuer_ca": issuer_ca,
        "ca": ca,
    }
    name = _checked(lambda: profile_name(name))
    profiles = _read()
    _require_no_login(profiles, name)
    present = asdict(profiles.by_name.get(name, Profile()))
    changed = {key: value for key, value in flags_given.items() if value is not None}
    profile = _checked(lambda: checked_profile(present | changed, Path.cwd()))
    current = profiles.current or ("" if profiles.by_name else name)
    _write(replace(profiles, current=current, by_name={**profiles.by_name, name: profile}))
    typer.echo(f"set profile {name}" + (", the current one" if current == name else ""))


@app.command()
def delete(name: Name) -> None:
    """Remove a profile."""
    profiles = _read()
    profiles.profile(name)
    _require_no_login(profiles, name)
    left = {each: profile for each, profile in profiles.by_name.items() if each != name}
    _write(replace(profiles, current="" if profiles.current == name else profiles.current, by_name=left))
    typer.echo(f"removed profile {name}")


def _require_no_login(profiles: Profiles, name: str) -> None:
    """Raise Failure if there is a token, which may be for nobody else. The issuer is still to be asked to revoke it."""
    if (profiles.login_folder(name) / LOGIN).exists():
        raise Failure(f"still logged in to profile {name}", hint=f"vimesh logout --profile {name}")


def _checked(check: Callable[[], _T]) -> _T:
    try:
        return check()
    except ValueError as error:
        # Of a value that was typed, its flag is named instead of its key in the file.
        key, _, what = str(error).partition(" ")
        if key in PROFILE_KEYS:
            raise BadFlag(f"--{key.replace('_', '-')}", what) from error
        raise BadFlag("NAME", str(error)) from error


def _read() -> Profiles:
    return read_profiles(profiles_folder(os.environ))


def _write(profiles: Profiles) -> None:
    from vimesh.cli.output import yaml_text  # noqa: PLC0415 - other commands write no YAML

    document: Mapping[str, object] = {
        "current": profiles.current,
        "profiles": {name: _values(profile) for name, profile in profiles.by_name.items()},
    }
    path = profiles.folder / PROFILES_FILE
    try:
        make_private(profiles.folder)
        replace_file(path, yaml_text.dump(document).encode())
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


def _values(profile: Profile) -> dict[str, str]:
    return {key: value for key, value in asdict(profile).items() if value}
