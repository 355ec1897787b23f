"""Copies a database of MariaDB with mariadb-dump and mariadb."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

from vimesh.domain.errors import BadSetting
from vimesh.store.dialects.dump_programs import dotted
from vimesh.store.dialects.mysql.mysql_tls import MysqlTls
from vimesh.store.dialects.mysql.mysql_url import MysqlPlace
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.server_addresses import ServerAddress

_VERSION = re.compile(r"(?:Distrib|from) (\d{1,3})\.(\d{1,3})[\d.]{0,8}-MariaDB")
_TABLE_VERSION = re.compile(rb"INSERT INTO `alembic_version` VALUES\s{0,4}\('(\w{1,32})'\)")
_LAST_LINE: Final = b"-- Dump completed"
_HEAD_BYTES: Final = 1024 * 1024
"""The tables are in the order of their names, and `alembic_version` is the first."""
_TAIL_BYTES: Final = 200
_OPTIONS: Final = "options"
_KEY: Final = "key.pem"


class MysqlDump:
    """Implements DumpPrograms."""

    product = "MariaDB"
    package = "mariadb-client"
    is_atomic = False

    def __init__(self, place: MysqlPlace, address: ServerAddress) -> None:
        """`address`: that of the server to use."""
        self._place = place
        self.address = address
        self._has_locked_key = bool(place.tls.key_password and place.tls.cert and place.tls.mode != "DISABLED")

    def files(self) -> Mapping[str, str]:
        place, address = self._place, self.address
        where = {"socket": address.host} if address.is_socket else {"host": address.host, "port": str(address.port)}
        options = {"user": place.user, "password": place.password, **where}
        lines = ["[client]", *(f'{name}="{_escaped(value)}"' for name, value in options.items() if value)]
        # By TCP also if the host is `localhost`, where the programs would take a socket.
        lines.append(f"protocol={'socket' if address.is_socket else 'tcp'}")
        options_file = "\n".join([*lines, *_tls_options(place.tls, by_socket=address.is_socket)]) + "\n"
        return {_OPTIONS: options_file, **({_KEY: _unlocked_key(place.tls)} if self._has_locked_key else {})}

    def environment(self, folder: Path) -> Mapping[str, str]:  # noqa: ARG002 - the options name all files
        return {}

    def dump(self, folder: Path) -> Sequence[str]:
        return (
            # No other file of options is read: it might name another server.
            *("mariadb-dump", *self._options(folder), "--single-transaction", "--quick", "--hex-blob"),
            *("--skip-add-locks", "--no-tablespaces", "--default-character-set=utf8mb4", "--max-allowed-packet=1G"),
            self._place.database,
        )

    def load(self, folder: Path) -> Sequence[str]:
        return (
            # In binary mode, no line of the file can be a command of the program.
            *("mariadb", *self._options(folder), "--binary-mode", "--default-character-set=utf8mb4"),
            *("--max-allowed-packet=1G", self._place.database),
        )

    def _options(self, folder: Path) -> Sequence[str]:
        """Return the first words of a command. They must come first, and what comes later overrides the file."""
        key = [f"--ssl-key={folder / _KEY}"] if self._has_locked_key else []
        return (f"--defaults-file={folder / _OPTIONS}", *key)

    def version_of(self, output: str) -> tuple[int, ...]:
        found = _VERSION.search(output)
        return (int(found[1]), int(found[2])) if found else ()

    def why_unusable(self, program: tuple[int, ...], server: tuple[int, ...]) -> str:
        return f"is too old for a server {dotted(server)}" if program < (10, 6) else ""

    def table_version(self, dump: Path) -> str | None:
        with dump.open("rb") as file:
            found = _TABLE_VERSION.search(file.read(_HEAD_BYTES))
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            is_complete = _LAST_LINE in file.read()
        return found[1].decode("ascii") if found and is_complete else None


def _unlocked_key(tls: MysqlTls) -> str:
    """Return the key without its password, for which the programs have no option. Raises BadSetting."""
    path = Path(tls.key or tls.cert)
    try:
        data = path.read_bytes()
        try:
            key = serialization.load_pem_private_key(data, tls.key_password.encode())
        except TypeError:
            # It has no password: the drivers do not mind that one is given.
            key = serialization.load_pem_private_key(data, None)
    except (OSError, ValueError) as error:
        raise BadSetting(SETTING, f"ssl_key: {path} holds no key in PEM form, or its password is wrong") from error
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode("ascii")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")


def _tls_options(tls: MysqlTls, *, by_socket: bool) -> Sequence[str]:
    if tls.mode == "DISABLED":
        return ("skip-ssl",)
    files = {"ssl-ca": tls.ca, "ssl-capath": tls.capath, "ssl-cert": tls.cert, "ssl-key": tls.key}
    options = {**files, "ssl-cipher": tls.cipher}
    # They know no check of the authority alone: then the name is checked, too, which a socket has not.
    checks = tls.mode.startswith("VERIFY") and not by_socket
    verify = "ssl-verify-server-cert" if checks else "disable-ssl-verify-server-cert"
    return ("ssl", verify, *(f'{name}="{_escaped(value)}"' for name, value in options.items() if value))
