"""Reads URLs of MariaDB and MySQL, with the parameters of the drivers that OpenStack uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vimesh.domain.errors import BadSetting
from vimesh.store.dialects.mysql.mysql_option_file import MysqlOptions, mysql_options
from vimesh.store.dialects.mysql.mysql_tls import MysqlTls, mysql_tls
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.database_url import DatabaseUrl
from vimesh.store.urls.server_addresses import ServerAddress, address_of, port_of
from vimesh.store.urls.url_parameters import UrlParameters

DEFAULT_PORT: Final = 3306
_CHARSETS: Final = ("utf8", "utf8mb3", "utf8mb4", "UTF8", "UTF8MB4")

SUPPORTED_PARAMETERS: Final[Mapping[str, str]] = {
    "binary_prefix": "not used: no statement needs it",
    "charset": "`utf8` or `utf8mb4`; it is `utf8mb4` in any case",
    "connect_timeout": "seconds that one host may take, up to 60; 4 by default, or 4 divided by the number of hosts",
    "local_infile": "`0`: no file is ever sent",
    "plugin": "not used: it is of those that OpenStack's services load",
    "program_name": "what the server calls the connections; `vimesh` by default",
    "read_default_file": "a file like `my.cnf`: user, password, host, port, database, socket and the `ssl-` options",
    "read_default_group": "which part of it; `client` by default",
    "read_timeout": "not used: every transaction has a limit of its own",
    "ssl": "`true`: the same as `ssl_mode=REQUIRED`",
    "ssl_ca": "file of the authorities that are trusted: the certificate of the server is checked, and its name",
    "ssl_capath": "folder of such files, with the names that `openssl rehash` gives them",
    "ssl_cert": "file of the client's certificate",
    "ssl_check_hostname": "`false`: the certificate may be of another host",
    "ssl_cipher": "the ciphers to choose from, as OpenSSL calls them",
    "ssl_disabled": "`true`: the same as `ssl_mode=DISABLED`",
    "ssl_key": "file of the client's key",
    "ssl_key_password": "of that key",
    "ssl_mode": "`DISABLED`, `PREFERRED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`",
    "ssl_verify_cert": "`true`: the certificate is checked, without `ssl_ca` by the authorities of the machine",
    "ssl_verify_identity": "`true`: its name, too",
    "unix_socket": "path of the server's socket",
    "use_unicode": "not used: text is always Unicode",
    "write_timeout": "not used, as `read_timeout`",
}


@dataclass(frozen=True, slots=True)
class MysqlPlace:
    addresses: tuple[ServerAddress, ...]
    database: str
    user: str
    """Empty: the user of the process."""
    password: str = field(repr=False)
    program: str
    tls: MysqlTls
    connect_timeout_s: int | None


def mysql_place(url: DatabaseUrl) -> MysqlPlace:
    """Read a URL. Raises BadSetting."""
    parameters = UrlParameters(url, "MariaDB or MySQL", SUPPORTED_PARAMETERS)
    options = mysql_options(parameters.file("read_default_file"), parameters.text("read_default_group"))
    database = url.database or options.get("database")
    if not database:
        raise BadSetting(SETTING, "names no database; use mysql://<user>:<password>@<host>/<database>")
    parameters.word("charset", _CHARSETS)
    if parameters.flag("local_infile"):
        raise BadSetting(SETTING, "local_infile must be 0: no file is ever sent")
    for name in ("binary_prefix", "use_unicode"):
        parameters.flag(name)
    for name in ("read_timeout", "write_timeout"):
        parameters.number(name, 0, 31_536_000)
    return MysqlPlace(
        addresses=_addresses(url, parameters, options),
        database=database,
        user=url.user or options.get("user"),
        password=url.password or options.get("password"),
        program=parameters.text("program_name") or "vimesh",
        tls=mysql_tls(parameters, options),
        connect_timeout_s=parameters.number("connect_timeout", 0, 60) or None,
    )


def _addresses(url: DatabaseUrl, parameters: UrlParameters, options: MysqlOptions) -> tuple[ServerAddress, ...]:
    if parameters.text("unix_socket") and url.hosts not in {"", "localhost"}:
        raise BadSetting(SETTING, "names a host and unix_socket; leave one out")
    try:
        if socket := parameters.text("unix_socket") or ("" if url.hosts else options.get("socket")):
            return (ServerAddress(socket),)
        hosts = url.hosts or options.get("host") or "localhost"
        return (*(address_of(host, _port(options)) for host in hosts.split(",")),)
    except ValueError as error:
        # Without the cause, which may quote a part of the password that was mistaken for a port.
        raise BadSetting(SETTING, str(error)) from None


def _port(options: MysqlOptions) -> int:
    return port_of(options.get("port")) if options.get("port") else DEFAULT_PORT
