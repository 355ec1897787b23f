"""Reads option files like my.cnf, from which a URL takes the same options as the client programs."""

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
        """Return the value of an option, empty if it is missing. Dashes and underscores are equivalent."""
        value = self.values.get(name) or self.values.get(name.replace("_", "-")) or ""
        return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value

    def has(self, name: str) -> bool:
        """Return whether an option is in the file, with or without a value."""
        return name in self.values or name.replace("_", "-") in self.values


def mysql_options(path: str, group: str) -> MysqlOptions:
    """Read one group of the file; without a path, return no options. Raises BadSetting."""
    if not path:
        return MysqlOptions({})
    parser = configparser.RawConfigParser(
        allow_no_value=True, strict=False, comment_prefixes=("#", ";", "!"), delimiters=("=",)
    )
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        # Without the cause, which quotes lines of the file: a line may contain a password.
        raise BadSetting(SETTING, f"read_default_file: {path} is no file of options like my.cnf") from None
    section = group or "client"
    if not parser.has_section(section):
        raise BadSetting(SETTING, f"read_default_file: {path} has no part [{section}]")
    return MysqlOptions(dict(parser.items(section)))
