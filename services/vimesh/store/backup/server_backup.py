"""Copies the database of a server to a file and back, with the programs of that server."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import IO, Final, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from vimesh.store.backup.require_unused import require_unused
from vimesh.store.backup.run_programs import require_programs, running
from vimesh.store.change_log.log_identity import renew_log_id
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.dump_programs import DumpPrograms
from vimesh.store.dialects.embedded_dialect import ShowProgress
from vimesh.store.dialects.server_dialect import DatabaseServer, numbered_version
from vimesh.store.upgrade import table_versions
from vimesh.store.upgrade.server_upgrade import connected
from vimesh.store.urls.server_addresses import ServerAddress

_CHECK_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.2
_CHUNK_BYTES: Final = 256 * 1024


async def dump(server: DatabaseServer, target: Path, show: ShowProgress) -> ServerAddress:
    """Write the database, as it is at one moment, to a file; return which server it was copied from.

    Raises BackupRefused, StoreUnavailable, OSError.
    """
    async with connected(server, _CHECK_S) as connection:
        programs = await _programs(server, connection)
    with target.open("wb") as output:
        async with running(programs, programs.dump, stdout=output) as process:
            ended = asyncio.ensure_future(process.wait())
            while not (await asyncio.wait({ended}, timeout=_LOOK_EVERY_S))[0]:
                show(os.fstat(output.fileno()).st_size, None)
    if await asyncio.to_thread(programs.table_version, target) is None:
        raise BackupRefused("the dump is not complete: repeat the command")
    return programs.address


async def load(
    server: DatabaseServer, source: Path, show: ShowProgress, *, overwrite: bool
) -> tuple[str, ServerAddress]:
    """Load a dump; return the version of its tables, and which server has them now.

    Raises BackupRefused, BadSetting, StoreUnavailable, OSError.
    """
    async with connected(server, _CHECK_S) as connection:
        programs = await _programs(server, connection)
        version = await asyncio.to_thread(programs.table_version, source)
        if version is None:
            raise BackupRefused(f"{source} is no complete backup of {programs.product} with tables of vimesh")
        table_versions.require_known_version(version)
        await require_unused(connection, server)
        present = await connection.run_sync(table_versions.version_of)
        _require_replaceable(version, present, overwrite=overwrite)
    try:
        with source.open("rb") as dumped:
            await _feed(programs, dumped, show)
    except BackupRefused as error:
        if programs.is_atomic:
            raise BackupRefused(f"{error}; nothing was changed") from error
        raise BackupRefused(f"{error}; the database is incomplete now", "repeat the command with --force") from error
    async with connected(server, _CHECK_S) as connection:
        await connection.run_sync(renew_log_id)
        await connection.commit()
    return version, programs.address


async def _programs(server: DatabaseServer, connection: AsyncConnection) -> DumpPrograms:
    """Return the programs, if they can be used. Raises BackupRefused."""
    programs = server.connector.dump_programs()
    product, _ = server.dialect.product(connection.dialect)
    if product != programs.product:
        raise BackupRefused(
            f"{product} is not backed up by vimesh", "use its own programs: see docs/operating/backup.md"
        )
    await require_programs(programs, numbered_version(connection.dialect))
    return programs


def _require_replaceable(version: str, present: str | None, *, overwrite: bool) -> None:
    if present is None:
        return
    if not overwrite:
        raise BackupRefused(
            "the database has tables, and nothing was changed",
            "back it up first, then replace what is in it with --force; or give the URL of an empty database",
        )
    if present != version:
        # Tables that only one of the versions has would be left as they are.
        raise BackupRefused(
            f"the database has tables of version {present}, the backup of {version}, and nothing was changed",
            "give the URL of an empty database",
        )


async def _feed(programs: DumpPrograms, dumped: IO[bytes], show: ShowProgress) -> None:
    size_bytes, fed = os.fstat(dumped.fileno()).st_size, 0
    async with running(programs, programs.load, stdin=PIPE) as process:
        sink = cast("asyncio.StreamWriter", process.stdin)
        try:
            while chunk := await asyncio.to_thread(dumped.read, _CHUNK_BYTES):
                sink.write(chunk)
                await sink.drain()
                fed += len(chunk)
                show(fed, size_bytes)
            sink.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has ended: its exit code says why.
