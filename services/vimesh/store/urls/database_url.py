"""Splits a database URL into its parts, as libpq and SQLAlchemy do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from vimesh.domain.errors import BadSetting
from vimesh.store.transactions.database import SETTING

FORMS: Final = "sqlite:///<path>, postgresql://<user>:<password>@<host>/<database> or mysql://... for MariaDB"
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


def database_url(text: str) -> DatabaseUrl:
    """Split a URL. Raises BadSetting, which never repeats anything that may be secret."""
    if (parts := _URL.fullmatch(text)) is None:
        raise BadSetting(SETTING, f"must look like {FORMS}")
    return DatabaseUrl(
        scheme=parts["scheme"],
        user=unquote(parts["user"] or ""),
        password=unquote(parts["password"] or ""),
        hosts=parts["hosts"],
        database=unquote(parts["database"] or ""),
        query=tuple(parse_qsl(parts["query"] or "", keep_blank_values=True)),
    )
