"""Copies a database of PostgreSQL with pg_dump and pg_restore."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from vimesh.store.dialects.dump_programs import dotted
from vimesh.store.dialects.postgresql.postgresql_url import PostgresqlPlace
from vimesh.store.urls.server_addresses import ServerAddress

_SERVICE: Final = "vimesh"
_LIMIT_S: Final = 60.0
_SYSTEM_SINCE: Final = 16
"""The first version in which `sslrootcert=system` is not the name of a file."""
_NOT_INHERITED: Final = ("PGHOSTADDR", "PGOPTIONS")
"""What libpq would take from the environment, and the driver does not: another server, other settings."""
_VERSION = re.compile(r"\(PostgreSQL\) (\d{1,4})")
_TABLE_VERSION = re.compile(r"^COPY \S*alembic_version [^\n]*\n(\w{1,32})$", re.MULTILINE)


class PostgresqlDump:
    """Implements DumpPrograms."""

    product = "PostgreSQL"
    package = "postgresql-client"
    is_atomic = True

    def __init__(self, place: PostgresqlPlace, address: ServerAddress) -> None:
        self._place = place
        self.address = address

    def files(self) -> Mapping[str, str]:
        place, tls = self._place, dict(self._place.tls.parameters)
        if tls.get("sslnegotiation") == "postgres":
            del tls["sslnegotiation"]  # the default, which programs before 17 do not know by name
        service: dict[str, str] = {
            "host": self.address.host,
            "port": str(self.address.port),
            # The one that was chosen accepts writes, if that is asked for.
            "target_session_attrs": "any",
            "client_encoding": "UTF8",
            "gssencmode": "disable",
            "dbname": place.database,
            "user": place.user,
            "passfile": "" if place.password else place.passfile,
            "connect_timeout": str(place.connect_timeout_s or ""),
            **place.settings,
            **tls,
        }
        lines = [f"[{_SERVICE}]", *(f"{name}={value}" for name, value in service.items() if value)]
        files = {"service": "\n".join(lines) + "\n"}
        if place.password:
            escaped = place.password.replace("\\", "\\\\").replace(":", "\\:")
            files["password"] = f"*:*:*:*:{escaped}\n"
        return files

    def environment(self, folder: Path) -> Mapping[str, str]:
        environment = {"PGSERVICEFILE": str(folder / "service"), **dict.fromkeys(_NOT_INHERITED, "")}
        if not self._place.password:
            return environment
        # A password in the environment of this process would be preferred to that of the file.
        return {**environment, "PGPASSFILE": str(folder / "password"), "PGPASSWORD": ""}

    def dump(self, folder: Path) -> Sequence[str]:  # noqa: ARG002 - the environment names the files
        return ("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--dbname=service={_SERVICE}")

    def load(self, folder: Path) -> Sequence[str]:  # noqa: ARG002 - as above
        return (
            *("pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges"),
            *("--single-transaction", "--exit-on-error", f"--dbname=service={_SERVICE}"),
        )

    def version_of(self, output: str) -> tuple[int, ...]:
        found = _VERSION.search(output)
        return (int(found[1]),) if found else ()

    def why_unusable(self, program: tuple[int, ...], server: tuple[int, ...]) -> str:
        if program[:1] < server[:1]:
            return f"is too old for a server {dotted(server)}"
        if self._place.tls.parameters.get("sslrootcert") == "system" and program < (_SYSTEM_SINCE,):
            return f"knows no sslrootcert=system: {_SYSTEM_SINCE} is the first that does"
        return ""

    def table_version(self, dump: Path) -> str | None:
        command = ("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(dump.absolute()))
        done = subprocess.run(  # noqa: S603 - the program is ours to name, and there is no shell
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_LIMIT_S, check=False
        )
        found = _TABLE_VERSION.search(done.stdout.decode(errors="replace")) if done.returncode == 0 else None
        return found[1] if found else None
