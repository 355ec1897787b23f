"""Reads URLs of PostgreSQL, with the parameters of libpq and of the drivers that OpenStack uses."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final

from vimesh.domain.errors import BadSetting
from vimesh.store.dialects.postgresql.postgresql_tls import PostgresqlTls, postgresql_tls
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.database_url import DatabaseUrl
from vimesh.store.urls.server_addresses import ServerAddress, address_of, port_of
from vimesh.store.urls.url_parameters import UrlParameters

DEFAULT_PORT: Final = 5432
# The socket folders of Linux distributions and of PostgreSQL's own builds, then TCP.
_HERE: Final = ("/var/run/postgresql", "/tmp", "localhost")  # noqa: S108 - the default socket folder of PostgreSQL
_SESSIONS: Final = ("any", "read-write", "primary")
_READ_ONLY_SESSION: Final = "conductors write: it must be any, read-write or primary"
_REJECTED_SESSIONS: Final = dict.fromkeys(("standby", "read-only", "prefer-standby"), _READ_ONLY_SESSION)
_NO_GSS: Final = {"require": "the driver does not do it"}

SUPPORTED_PARAMETERS: Final[Mapping[str, str]] = {
    "application_name": "what the server calls the connections; `vimesh` by default",
    "channel_binding": "`disable` or `prefer`: the driver does without",
    "client_encoding": "`utf8`, which it is in any case",
    "connect_timeout": "seconds that one host may take, up to 60; 4 by default, or 4 divided by the number of hosts",
    "database": "the name of the database, if the path has none",
    "dbname": "the same",
    "fallback_application_name": "`application_name`, if that is not given",
    "gssencmode": "`disable` or `prefer`: the driver does without",
    "host": "a host, `host:port` or the folder of a socket; may be repeated, or be several with commas",
    "options": "command-line options of the session, such as `-c statement_timeout=5s`; poolers may refuse it",
    "passfile": "a file like `~/.pgpass`, readable by its owner only",
    "password": "the password, if it is not before the host",
    "port": "one port for all hosts, or as many as there are hosts, repeated or with commas",
    "prepared_statement_cache_size": "`0`: behave as behind a pooler; others are not used",
    "ssl": "the same as `sslmode`, as the driver calls it",
    "ssl_max_protocol_version": "`TLSv1.2` or `TLSv1.3`",
    "ssl_min_protocol_version": "`TLSv1.2` by default",
    "sslcert": "file of the client's certificate",
    "sslcrl": "file of revoked certificates",
    "sslkey": "file of the client's key",
    "sslmode": "`disable`, `allow`, `prefer` (default), `require`, `verify-ca` or `verify-full`",
    "sslnegotiation": "`postgres`, or `direct` with PostgreSQL 17",
    "sslpassword": "of the client's key",
    "sslrootcert": "file of the authorities that are trusted, or `system`",
    "statement_cache_size": "`0`: the same as `prepared_statement_cache_size=0`",
    "target_session_attrs": "`any`, `read-write` or `primary`; `read-write` if there are several hosts, else `any`",
    "user": "the user, if it is not before the host",
}


@dataclass(frozen=True, slots=True)
class PostgresqlPlace:
    addresses: tuple[ServerAddress, ...]
    database: str
    user: str
    """Empty: PGUSER or the user of the process, as in libpq."""
    password: str = field(repr=False)
    passfile: str
    session: str
    """The kind of server to accept: any, read-write or primary."""
    settings: Mapping[str, str]
    """The settings that the session starts with."""
    tls: PostgresqlTls
    connect_timeout_s: int | None
    pooled: bool
    """Whether the URL states that connections go through a pooler."""


def postgresql_place(url: DatabaseUrl) -> PostgresqlPlace:
    """Read a URL. Raises BadSetting."""
    parameters = UrlParameters(url, "PostgreSQL", SUPPORTED_PARAMETERS, repeated=("host", "port"))
    addresses = _addresses(url, parameters)
    several = len(addresses) > 1 and bool(url.hosts or parameters.all("host"))
    database = url.database or parameters.text("dbname") or parameters.text("database")
    if not database:
        raise BadSetting(SETTING, "names no database; use postgresql://<user>:<password>@<host>/<database>")
    parameters.word("client_encoding", ("utf8", "UTF8", "utf-8", "UTF-8", "auto"))
    for name in ("channel_binding", "gssencmode"):
        parameters.word(name, ("disable", "prefer"), _NO_GSS)
    caches = (parameters.number(name, 0, 100_000) for name in ("prepared_statement_cache_size", "statement_cache_size"))
    return PostgresqlPlace(
        addresses=addresses,
        database=database,
        user=url.user or parameters.text("user"),
        password=url.password or parameters.text("password"),
        passfile=_passfile(parameters),
        session=parameters.word("target_session_attrs", _SESSIONS, _REJECTED_SESSIONS)
        or ("read-write" if several else "any"),
        settings=_settings(parameters),
        tls=postgresql_tls(parameters),
        connect_timeout_s=parameters.number("connect_timeout", 0, 60) or None,
        pooled=0 in caches,
    )


def _addresses(url: DatabaseUrl, parameters: UrlParameters) -> tuple[ServerAddress, ...]:
    hosts = url.hosts.split(",") if url.hosts else []
    if hosts and parameters.all("host"):
        raise BadSetting(SETTING, "names hosts before the database and in host=; one of them is enough")
    hosts += [_bracketed(host) for each in parameters.all("host") for host in each.split(",")]
    try:
        ports = [port_of(port) for each in parameters.all("port") for port in each.split(",")] or [DEFAULT_PORT]
        return (*map(address_of, hosts or _HERE, _each(ports, hosts or _HERE)),)
    except ValueError as error:
        # Without the cause, which may quote a part of the password that was mistaken for a port.
        raise BadSetting(SETTING, str(error)) from None


def _bracketed(host: str) -> str:
    """Add the brackets of an IPv6 address, which it may lack in a URL parameter."""
    try:
        return f"[{IPv6Address(host)}]"
    except ValueError:
        return host


def _each(ports: Sequence[int], hosts: Sequence[str]) -> Sequence[int]:
    if len(ports) == 1:
        return [*ports] * len(hosts)
    if len(ports) != len(hosts):
        raise ValueError("port must be one for all hosts, or as many as there are hosts")
    return ports


def _passfile(parameters: UrlParameters) -> str:
    path = parameters.file("passfile")
    if path and Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadSetting(SETTING, f"passfile: {path} can be read by others, and is not used; type: chmod 600 {path}")
    return path


def _settings(parameters: UrlParameters) -> dict[str, str]:
    name = parameters.text("application_name") or parameters.text("fallback_application_name") or "vimesh"
    options = parameters.text("options")
    return {"application_name": name, **({"options": options} if options else {})}
