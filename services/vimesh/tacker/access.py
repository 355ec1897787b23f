"""Creates the SQLAlchemy engine for the URL of Tacker's database."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from vimesh.domain.errors import BadSetting

SETTING: Final = "--database-url"

_CONNECT_S: Final = 10
_ANSWER_S: Final = 60
_MYSQL: Final = frozenset({"mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql"})
_EXAMPLE: Final = "such as mysql+pymysql://tacker@127.0.0.1/tacker: [database] connection in tacker.conf"

URL_REQUIRED: Final = f"is required, {_EXAMPLE}"


def engine_for(url: str) -> Engine:
    """Create an engine, without connecting. Raises BadSetting, which never repeats a password in the URL."""
    if not url:
        raise BadSetting(SETTING, URL_REQUIRED)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadSetting(SETTING, f"is not a database URL; give one {_EXAMPLE}") from None
    if parsed.drivername in _MYSQL:
        return _mysql(parsed)
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed)
    raise BadSetting(SETTING, f"names {parsed.drivername}; Tacker's database must be MariaDB or MySQL, {_EXAMPLE}")


def place_of(engine: Engine) -> str:
    """Return which database it is, without user and password."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return str(url.database).removeprefix("file:")
    port = f":{url.port}" if url.port else ""
    return f"database {url.database} at {url.host or 'localhost'}{port}"


def _mysql(url: URL) -> Engine:
    if not url.database:
        raise BadSetting(SETTING, f"names no database; give a URL {_EXAMPLE}")
    limits = {"connect_timeout": _CONNECT_S, "read_timeout": _ANSWER_S, "write_timeout": _ANSWER_S}
    asked = {name: limit for name, limit in limits.items() if name not in url.query}
    # A plugin belongs to Tacker's own environment: DevStack names one that counts queries.
    plain = url.set(drivername="mysql+pymysql").difference_update_query(["plugin"])
    try:
        # One connection, which is closed when it is released.
        return create_engine(plain, connect_args=asked, poolclass=NullPool)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise BadSetting(SETTING, "needs the MariaDB driver: pip install '.[cli,import]' in a checkout") from None


def _sqlite(url: URL) -> Engine:
    # SQLite itself would not name the missing file.
    if not url.database or not Path(url.database).is_file():
        raise BadSetting(SETTING, f"there is no file {url.database}")
    file = f"file:{quote(str(Path(url.database).absolute()))}"
    # The caller decides which thread uses the connection.
    return create_engine(
        url.set(database=file, query={"mode": "ro", "uri": "true"}),
        connect_args={"check_same_thread": False},
        poolclass=NullPool,
    )
