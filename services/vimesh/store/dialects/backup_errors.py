"""Says why a database is not backed up or restored."""

from __future__ import annotations


class BackupRefused(Exception):
    """Nothing was changed, unless the message says so. The message has no secrets; `hint` says what to do next."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint
