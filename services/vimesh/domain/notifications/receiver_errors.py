"""Defines the errors of receivers and notifications. `vimesh.domain.errors` lists them with the others."""

from __future__ import annotations

from collections.abc import Mapping

from vimesh.domain.errors import VimeshError


class ReceiverNotFound(VimeshError):
    def __init__(self, receiver_id: str) -> None:
        super().__init__(f"no receiver has the id {receiver_id}")
        self.receiver_id = receiver_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"receiver_id": self.receiver_id}


class NotificationNotFound(VimeshError):
    def __init__(self, notification_id: str) -> None:
        super().__init__(f"no notification on record has the id {notification_id}")
        self.notification_id = notification_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"notification_id": self.notification_id}


class ReceiverNameTaken(VimeshError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is a receiver named {name} already")
        self.name = name

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"name": self.name}


class ClaimLost(VimeshError):
    """The receiver was claimed anew since, or is gone: the notifier must forget what it knows of it."""

    def __init__(self, receiver_id: str) -> None:
        super().__init__(f"receiver {receiver_id} is not claimed with this number")
        self.receiver_id = receiver_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"receiver_id": self.receiver_id}


class ReceiverDisabled(VimeshError):
    def __init__(self, receiver_id: str) -> None:
        super().__init__(f"receiver {receiver_id} is disabled; enable it first")
        self.receiver_id = receiver_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"receiver_id": self.receiver_id}


class TooManyReceivers(VimeshError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit} receivers already; delete one of them first")
        self.limit = limit

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"limit": str(self.limit)}
