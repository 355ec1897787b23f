"""Splits a database URL into its parts, as libpq and SQLAlchemy do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

_SCHEME = re.compile(r"([A-Za-z][\w.-]*)(?:\+[\w+.-]*)?://")
# A password may contain anything except an @, which ends it: passwords in OpenStack are often not percent-encoded.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]*)://(?:(?P<user>[^:/@?]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    scheme: str
    """Includes the driver, as in `mysql+pymysql`."""
    user: str
    password: str = field(repr=False)
    hosts: str
    """All hosts, as written."""
    database: str
    query: tuple[tuple[str, str], ...] = field(repr=False)
    """Its values may be secret, too."""

    @property
    def backend(self) -> str:
        return self.scheme.partition("+")[0].lower()

    @property
    def driver(self) -> str:
        return self.scheme.partition("+")[2].lower()


def backend_of(text: str) -> str:
    """Return the first part of a URL, without a driver. Raises ValueError, which never repeats any of the text."""
    if (scheme := _SCHEME.match(text)) is None:
        raise ValueError("not a URL")
    return scheme[1].lower()


def database_url(text: str) -> DatabaseUrl:
    """Split a URL. Raises ValueError, which never repeats anything that may be secret."""
    if (parts := _URL.fullmatch(text)) is None:
        raise ValueError("not a URL")
    return DatabaseUrl(
        scheme=parts["scheme"],
        user=unquote(parts["user"] or ""),
        password=unquote(parts["password"] or ""),
        hosts=parts["hosts"],
        database=unquote(parts["database"] or ""),
        query=tuple(parse_qsl(parts["query"] or "", keep_blank_values=True)),
    )
