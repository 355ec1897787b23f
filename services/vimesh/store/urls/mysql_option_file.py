"""A file like my.cnf, of which a URL takes what the client programs take."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vimesh.domain.errors import BadSetting
from vimesh.store.transactions.database import SETTING


@dataclass(frozen=True, slots=True)
class MysqlOptions:
    values: Mapping[str, str | None] = field(repr=False)

    def get(self, name: str) -> str:
        """Return an empty text for what is not there. Dashes and underscores are the same."""
        value = self.values.get(name) or self.values.get(name.replace("_", "-")) or ""
        return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value

    def has(self, name: str) -> bool:
        """Say whether it stands there, with a value or without."""
        return name in self.values or name.replace("_", "-") in self.values


def mysql_options(path: str, group: str) -> MysqlOptions:
    """Read one part of the file; of none, nothing. Raises BadSetting."""
    if not path:
        return MysqlOptions({})
    parser = configparser.RawConfigParser(
        allow_no_value=True, strict=False, comment_prefixes=("#", ";", "!"), delimiters=("=",)
    )
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        # Without its cause: that quotes lines, and a line may be a password.
        raise BadSetting(SETTING, f"read_default_file: {path} is no file of options like my.cnf") from None
    wanted = group or "client"
    if not parser.has_section(wanted):
        raise BadSetting(SETTING, f"read_default_file: {path} has no part [{wanted}]")
    return MysqlOptions(dict(parser.items(wanted)))
