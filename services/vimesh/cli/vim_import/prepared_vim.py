"""Checks a registration as a conductor would, before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from vimesh.domain.vims import Engine, Registration
from vimesh.v1.vim_service_pb2 import RegisterVimRequest
from vimesh.wire import request_messages
from vimesh.wire.message_rules import Rules


@dataclass(frozen=True, slots=True)
class PreparedVim:
    request: RegisterVimRequest = field(repr=False)
    """Safe to repeat, because it has a request id."""
    registration: Registration = field(repr=False)
    """The request as a conductor reads it."""
    left_out: tuple[str, ...] = ()
    """Secrets that the source has and that are not imported."""
    ignored: tuple[str, ...] = ()
    """Fields that are neither imported nor compared."""


class RequestChecker:
    def __init__(self, engine: Engine) -> None:
        """`engine`: the engine of requests that name none."""
        self._engine = engine
        self._rules = Rules()

    def check(self, request: RegisterVimRequest) -> Registration:
        """Return the request as a conductor reads it. Raises BadInput if every conductor would refuse it."""
        self._rules.check(request)
        return request_messages.registration(request, self._engine)
