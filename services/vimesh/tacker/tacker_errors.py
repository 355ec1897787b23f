"""What can go wrong with Tacker's database.

TackerError
├── DatabaseAway                 no server answers, or it broke off
├── DatabaseRefused              the server says no: a wrong password, no such database, no right to read
├── NotTacker                    the tables are not Tacker's, or of a release that is too old
└── CannotImport                 of one VIM: what keeps it from being imported

The messages are free of secrets, and name the next step.
"""

from __future__ import annotations


class TackerError(Exception):
    """Base of all. The message is fit for users' eyes."""


class DatabaseAway(TackerError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place} does not answer: {what}; check host and port, and whether the server runs")


class DatabaseRefused(TackerError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place} refuses: {what}; the user needs SELECT on the tables vims and vimauths")


class NotTacker(TackerError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place} is no Tacker database that can be read: {what}; see docs/migrate-from-tacker.md")


class CannotImport(TackerError):
    """A VIM that is left out; the others are not touched by it."""
