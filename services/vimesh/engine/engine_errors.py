"""What can go wrong with a workflow engine.

EngineError
├── EngineUnavailable            nothing is known about what was asked: ask again later
└── EngineRefused                the engine understood, and said no

The messages are bounded, and free of secrets: they are shown on VIMs.
"""

from __future__ import annotations

_MAX_TEXT = 300


class EngineError(Exception):
    """Base of both. The message is fit for users' eyes."""


class EngineUnavailable(EngineError):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"Mistral at {place}: {bounded(what)}")


class EngineRefused(EngineError):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"Mistral refused ({code}): {bounded(message)}")
        self.code = code
        """As in HTTP."""


def bounded(text: str) -> str:
    """Return one line of it, of printable characters: it goes into messages, databases and terminals."""
    line = " ".join(text[: 10 * _MAX_TEXT].split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1]}…"
