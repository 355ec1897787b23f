"""How a call ends that gets no answer: as an exception at the caller.

A caller that has not allowed the module of the exception sees a RemoteError with the name of the class. Those of Python
itself keep their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

_MAX_TEXT = 300


class CallFailed(Exception):
    """Base of what callers may hear. The message is fit for their eyes, and bounded."""

    # Callers allow exceptions by this name, wherever the class is.
    remote_module: ClassVar[str] = "vimesh.bridge.failures"

    def __init__(self, text: str) -> None:
        super().__init__(text[:_MAX_TEXT])

    @property
    def remote_class(self) -> str:
        return type(self).__name__

    def on_wire(self) -> Mapping[str, object]:
        """Return what oslo.messaging makes an exception of again."""
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
    """What Python raises when a method is called with arguments that it does not take."""

    remote_module = "builtins"

    @property
    def remote_class(self) -> str:
        return "TypeError"


class BadReport(CallFailed):
    """The arguments are there, but what they say breaks a rule."""


class NotWanted(CallFailed):
    """Ends an action that cannot be told otherwise."""

    def __init__(self, vim_id: str) -> None:
        super().__init__(f"no action of VIM {vim_id} without an action_id is wanted")


class ConductorsAway(CallFailed):
    """Nothing is known about the action: nobody who knows could be asked in time."""

    def __init__(self) -> None:
        super().__init__("no conductor answered in time; nothing was said about the action")


class BridgeFault(CallFailed):
    def __init__(self) -> None:
        super().__init__("internal error; see the log of the bridge")
