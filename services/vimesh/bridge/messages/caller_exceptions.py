"""Defines the exceptions that are raised at the caller when its call fails.

oslo.messaging re-creates an exception only if the caller allows its module; otherwise the caller sees a RemoteError
with the name of the class. Python's built-in exceptions always keep their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

_MAX_TEXT = 300


class CallFailed(Exception):
    """Base of all exceptions that callers can receive. The message may be shown to them, and is bounded."""

    # Callers list this module name in `allowed_remote_exmods`: keep it, wherever the class moves.
    remote_module: ClassVar[str] = "vimesh.bridge.failures"

    def __init__(self, text: str) -> None:
        super().__init__(text[:_MAX_TEXT])

    @property
    def remote_class(self) -> str:
        return type(self).__name__

    def on_wire(self) -> Mapping[str, object]:
        """Return the form from which oslo.messaging re-creates the exception."""
        text = str(self)
        return {
            "class": self.remote_class,
            "module": self.remote_module,
            "message": text,
            "args": [text],
            "kwargs": {},
            "tb": [],
        }


class NoSuchMethod(CallFailed):
    remote_module = "oslo_messaging.rpc.dispatcher"

    def __init__(self, method: str) -> None:
        super().__init__(f"there is no method {method[:100]!r} here")


class UnsupportedVersion(CallFailed):
    remote_module = "oslo_messaging.rpc.dispatcher"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what[:100]} is not served here; version 1.0 without a namespace is")


class WrongArguments(CallFailed):
    """The TypeError that Python raises when a method is called with arguments it does not accept."""

    remote_module = "builtins"

    @property
    def remote_class(self) -> str:
        return "TypeError"


class BadReport(CallFailed):
    """The arguments are complete, but a value breaks a rule."""


class NotWanted(CallFailed):
    """Ends an action that a kill does not reach."""

    def __init__(self, vim_id: str) -> None:
        super().__init__(f"no action of VIM {vim_id} without an action_id is wanted")


class NotPermitted(CallFailed):
    """The caller's user of the broker, or the bridge itself, may not do this."""


class ConductorsAway(CallFailed):
    """Nothing is known about the action: no conductor gave a usable answer in time."""

    def __init__(self) -> None:
        super().__init__("no conductor answered in time; the report may have been recorded")


class BridgeFault(CallFailed):
    def __init__(self) -> None:
        super().__init__("internal error; see the log of the bridge")
