"""Keeps how numbers are written: `0123` without quotes is 83 to YAML, and a password to whoever wrote it."""

from __future__ import annotations

import datetime as dt


class WrittenInt(int):
    written: str


class WrittenFloat(float):
    written: str


class NotText(Exception):
    """The value cannot be taken for a text. The message says what to do, and quotes nothing."""


def kept_as_written(value: object, written: str) -> object:
    """Return a number that knows its text; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number: WrittenInt | WrittenFloat = WrittenInt(value) if isinstance(value, int) else WrittenFloat(value)
    number.written = written
    return number


def written_text(value: object) -> str:
    """Return a text, or a number as it is written if it has just one form; empty for null. Raises NotText."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        raise NotText("is read as true or false: write it in quotes")
    if isinstance(value, int | float):
        if str(value) != getattr(value, "written", str(value) if isinstance(value, int) else ""):
            raise NotText("is read as a number that can be written in several ways: write it in quotes")
        return str(value)
    if isinstance(value, dt.date):
        raise NotText("is read as a date: write it in quotes")
    raise NotText("must be a string")
