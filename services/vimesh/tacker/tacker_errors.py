"""The errors of reading Tacker's database.

TackerError
├── DatabaseAway                 no server answers, or the connection broke
├── DatabaseRefused              the server denies access: a wrong password, no such database, no right to read
├── NotTacker                    the tables are not Tacker's, or from a release that is too old
└── CannotImport                 one VIM cannot be imported

The messages contain no secrets, and name the next step.
"""

from __future__ import annotations


class TackerError(Exception):
    """Base of all. The message may be shown to users."""


class DatabaseAway(TackerError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place} does not answer: {what}; check the host, the port, and that the server is running")


class DatabaseRefused(TackerError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place} refuses: {what}; the user needs SELECT on the tables vims and vimauths")


class NotTacker(TackerError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place} is not a readable Tacker database: {what}; see docs/using/migrate-from-tacker.md")


class CannotImport(TackerError):
    """One VIM is left out; the others are not affected."""
