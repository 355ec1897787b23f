"""Runs database servers that offer TLS, with the authority that has signed their certificates and those of clients."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.clouds.authorities import Authority, Signed
from tests.support.processes.server_nodes import running, server_folder
from tests.support.sql.databases import execute
from tests.support.sql.mariadb import MariaDb
from tests.support.sql.postgresql import Postgresql
from vimesh.store.upgrade.manage_tables import upgrade

HOST = "127.0.0.1"


@dataclass
class TlsServer:
    kind: str
    node: Postgresql | MariaDb
    folder: Path
    ours: Authority
    other: Authority
    client: Signed
    strangers: Signed
    """Of a client, by the other authority."""

    def url(self, parameters: str, user: str = "", host: str = HOST) -> str:
        scheme = "postgresql" if self.kind == "postgresql" else "mysql"
        who = user or ("postgres" if self.kind == "postgresql" else "root")
        return f"{scheme}://{who}@{host}:{self.node.port}/vimesh?{parameters}"

    async def serve(self, valid_for: dt.timedelta = dt.timedelta(days=1)) -> None:
        """Give the server another certificate, in its place."""
        signed = self.ours.sign("server", HOST, file_name="server", valid_for=valid_for)
        owned(signed.key, signed.certificate)
        statement = "SELECT pg_reload_conf()" if self.kind == "postgresql" else "FLUSH SSL"
        await execute(self.node.url("vimesh"), statement)

    def modes(self, ca: Path | None = None) -> dict[str, str]:
        """Return what a URL says for each mode of libpq; `ca`: the authority, if it is another one than ours."""
        ca = ca or self.ours.file
        if self.kind == "postgresql":
            names = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
            return {name: f"sslmode={name}" + (f"&sslrootcert={ca}" if "verify" in name else "") for name in names}
        return {
            "disable": "ssl_mode=DISABLED",
            "prefer": "ssl_mode=PREFERRED",
            "require": "ssl_mode=REQUIRED",
            "verify-ca": f"ssl_ca={ca}&ssl_check_hostname=false",
            "verify-full": f"ssl_ca={ca}",
        }

    def by_certificate(self, signed: Signed | None, *, password: str = "") -> str:
        """Return the URL of the user who has to have a certificate."""
        found = self.modes()["verify-full"]
        if signed is None:
            return self.url(found, user="by_certificate")
        cert, key, secret = (
            ("sslcert", "sslkey", "sslpassword")
            if self.kind == "postgresql"
            else ("ssl_cert", "ssl_key", "ssl_key_password")
        )
        given = f"&{cert}={signed.certificate}&{key}={signed.key}" + (f"&{secret}={password}" if password else "")
        return self.url(found + given, user="by_certificate")


def owned(*paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, "postgres")


class _TlsMariaDb(MariaDb):
    def _options(self) -> list[str]:
        folder = self._folder
        return [f"--ssl-ca={folder / 'ours.pem'}", f"--ssl-cert={folder}/server.crt", f"--ssl-key={folder}/server.key"]


def _node_in(folder: Path, kind: str) -> Postgresql | MariaDb:
    files = {"ssl_ca_file": "ours.pem", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
    settings = ["ssl=on", *(f"{name}={folder / file}" for name, file in files.items())]
    return Postgresql(folder, settings) if kind == "postgresql" else _TlsMariaDb(folder)


def _users_of(kind: str) -> list[str]:
    """Make one user for whom TLS is enough, and one who has to have a certificate."""
    if kind == "postgresql":
        return ["CREATE ROLE by_tls LOGIN SUPERUSER", "CREATE ROLE by_certificate LOGIN SUPERUSER"]
    return [
        "CREATE USER by_tls REQUIRE SSL",
        "CREATE USER by_certificate REQUIRE X509",
        *(f"GRANT ALL ON *.* TO {user}" for user in ("by_tls", "by_certificate")),
    ]


@asynccontextmanager
async def tls_server(kind: str) -> AsyncGenerator[TlsServer]:
    """Run a server of this kind, with a database that has its tables."""
    with server_folder() as place:
        ours, other = Authority(place, "ours"), Authority(place, "other")
        signed = ours.sign("server", HOST, file_name="server")
        owned(signed.key, signed.certificate)
        async with running(_node_in(place, kind)) as node:
            await execute(node.url("postgres" if kind == "postgresql" else "mysql"), "CREATE DATABASE vimesh")
            await execute(node.url("vimesh"), *_users_of(kind))
            client, stranger = ours.sign("by_certificate"), other.sign("by_certificate")
            found = TlsServer(kind, node, place, ours, other, client, stranger)
            await upgrade(found.url(found.modes()["require"]))
            yield found
