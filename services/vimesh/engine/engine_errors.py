"""The errors of a workflow engine.

EngineError
├── EngineUnavailable            the outcome is unknown: retry later
└── EngineRefused                the engine understood the request, and refused it

The messages are bounded, and contain no secrets: they are shown on VIMs.
"""

from __future__ import annotations

_MAX_TEXT = 300


class EngineError(Exception):
    """Base of both. The message may be shown to users."""


class EngineUnavailable(EngineError):
    def __init__(self, place: str, description: str) -> None:
        super().__init__(f"Mistral at {place}: {bounded(description)}")


class EngineRefused(EngineError):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"Mistral refused ({code}): {bounded(message)}")
        self.code = code
        """An HTTP status code."""


def bounded(text: str) -> str:
    """Return the text as one bounded line of printable characters: it goes into messages, databases and terminals."""
    line = " ".join(text[: 10 * _MAX_TEXT].split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1]}…"
