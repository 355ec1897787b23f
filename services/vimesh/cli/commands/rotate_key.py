"""vimesh db rotate-key: changes the key that encrypts credentials, while the fleet runs."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vimesh.cli.base import command_settings, common_settings, flags
from vimesh.cli.base.exits import Failure
from vimesh.cli.output.progress import progress

if TYPE_CHECKING:  # clients need neither SQL nor cryptography
    from vimesh.store.rotate_keys import Rotation

_LINES_EVERY_S: Final = 5.0
_SHOWN: Final = 10


def rotate_key(
    *,
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-key", help="First put a new key into the key file. Only if every conductor reads this very file."
        ),
    ] = False,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Finally remove all other keys from the key file.")
    ] = False,
    key_file: flags.KeyFile = None,
    database_url: flags.DatabaseUrl = None,
    config: flags.Config = None,
) -> None:
    """Encrypt all credentials with the first key of the key file, while the fleet runs.

    Safe to interrupt and to repeat: it goes on where it ended.
    """
    found = common_settings.given(config)
    path = command_settings.required_key_file(found, key_file)
    url = command_settings.required_database_url(found, database_url)
    keys = _keys(path, url, add=new_key)
    rotation = _rotate(path, url)
    typer.echo(f"encrypted {rotation.encrypted} of {rotation.vims} VIMs anew; all use the first key of {path}")
    if remove_old:
        _remove_old(path, keys)
    else:
        typer.echo(
            f"none of them needs the other {_counted(keys[1:])} any more; type --remove-old to remove what is old"
        )


def _keys(path: Path, url: str, *, add: bool) -> list[str]:
    """Return the lines of the keys, of which there are at least two. Raises Failure, BadSetting, StoreUnavailable."""
    from vimesh.store.rows.credential_encryption import Cipher  # noqa: PLC0415 - see above
    from vimesh.store.rows.key_files import make_key_like, read_keys, read_lines, replace_keys  # noqa: PLC0415 - as above
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - as above

    keys = read_lines(path)
    Cipher(read_keys(path))
    asyncio.run(manage_tables.check(url))
    if len(keys) > 1:
        return keys
    if not add:
        raise Failure(
            f"{path} holds only one key: there is none to change to",
            hint="if every conductor reads this file, type: vimesh db rotate-key --new-key; "
            "otherwise give each of them a new key first: see docs/security.md",
        )
    keys = [make_key_like(keys[0], path), *keys]
    replace_keys(path, keys)
    typer.echo(f"put a new key in front of the one in {path}", err=True)
    return keys


def _rotate(path: Path, url: str) -> Rotation:
    """Encrypt everything with the first key. Raises Failure if some cannot be decrypted."""
    from vimesh.store.rotate_keys import rotate_keys  # noqa: PLC0415 - as above
    from vimesh.store.rows.credential_encryption import FileCipher  # noqa: PLC0415 - as above

    with progress(lines_every_s=_LINES_EVERY_S) as show:
        rotation = asyncio.run(rotate_keys(url, FileCipher(path), partial(show, "checked VIMs")))
    if count := len(rotation.unreadable):
        details = [*rotation.unreadable[:_SHOWN], *([f"and {count - _SHOWN} more"] if count > _SHOWN else [])]
        raise Failure(
            f"no key in {path} decrypts the credentials of {count} of {rotation.vims} VIMs",
            details=details,
            hint="append the key that they were encrypted with to the file, or give the credentials of each again "
            "with `vimesh vim set`; then repeat the command",
        )
    if count := len(rotation.unreadable_receivers):
        raise Failure(
            f"no key in {path} decrypts the secrets of {count} receivers of notifications",
            details=rotation.unreadable_receivers[:_SHOWN],
            hint="append the key that they were encrypted with to the file, or give each its target again "
            "with `vimesh receiver modify`; then repeat the command",
        )
    if count := rotation.unreadable_requests:
        typer.echo(f"no key decrypts {count} records of request ids; they end within a day", err=True)
    return rotation


def _remove_old(path: Path, keys: list[str]) -> None:
    from vimesh.store.rows.key_files import read_lines, replace_keys  # noqa: PLC0415 - as above

    if read_lines(path) != keys:
        raise Failure(f"{path} was changed meanwhile: no key was removed", hint="repeat the command")
    replace_keys(path, keys[:1])
    typer.echo(f"removed the old {_counted(keys[1:])} from {path}")


def _counted(keys: list[str]) -> str:
    return "key" if len(keys) == 1 else f"{len(keys)} keys"
