"""Fetches credentials from the conductors, for one login each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.domain.errors import BadInput
from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.login_outcome import logged_in
from vimesh.monitor.targets.target import ActionKey
from vimesh.tracing.current_request import enter_request, new_request_id, request_metadata
from vimesh.v1 import conductor_service_pb2
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.free_form import read_values

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_CALL_S: Final = 10.0
LOCAL_NO_IDENTITY: Final = "LOCAL_NO_IDENTITY"
LOCAL_CREDENTIALS: Final = "LOCAL_CREDENTIALS"
_FAULTS: Final = {
    "INSECURE_FLEET": logged_in(
        ConditionStatus.UNKNOWN,
        LOCAL_NO_IDENTITY,
        "credentials are handed out only in a fleet with certificates; start `vimesh up` without --insecure",
    ),
    "CREDENTIALS_UNREADABLE": logged_in(
        ConditionStatus.UNKNOWN,
        LOCAL_CREDENTIALS,
        "the key that encrypted the credentials of the VIM is lost; enter them again",
    ),
    "PERMISSION_DENIED": logged_in(
        ConditionStatus.UNKNOWN,
        Reason.LOCAL_PERMISSION,
        "the monitor may not have credentials: it needs a certificate monitor/NAME, and the role reporter",
    ),
}
"""By reason: what no later call would be answered differently, until somebody does something about it."""


@dataclass(slots=True)
class FetchedCredentials:
    """Holds secrets. Clear it as soon as the login is over."""

    type: str
    auth_cred: dict[str, object]
    vim_project: dict[str, object]
    regions: tuple[str, ...]

    def __repr__(self) -> str:
        return "FetchedCredentials(***)"

    def clear(self) -> None:
        """Drop the secrets. Python overwrites no text, but frees what nobody refers to any more."""
        self.auth_cred.clear()
        self.vim_project.clear()


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """Nobody wants this action to log in, now."""


@dataclass(frozen=True, slots=True)
class CredentialsDelayed:
    """The conductors could not be asked: try again soon."""


Fetched = FetchedCredentials | Condition | NoCredentials | CredentialsDelayed


class CredentialCalls:
    def __init__(self, stub: ConductorServiceAsyncStub) -> None:
        self._stub = stub

    async def fetch(self, action: ActionKey) -> Fetched:
        """Return the credentials of a VIM, or the condition LoggedIn if our fleet is why there are none."""
        vim_id, action_id = action
        request = conductor_service_pb2.GetVimCredentialsRequest(vim_id=vim_id, action_id=action_id)
        enter_request(new_request_id())
        try:
            response = await self._stub.GetVimCredentials(request, timeout=_CALL_S, metadata=request_metadata())
        except grpc.aio.AioRpcError as error:
            return _without(error)
        if response.WhichOneof("outcome") != "credentials":
            # The reporter ends the action when it hears the same.
            return NoCredentials()
        found = response.credentials
        try:
            return FetchedCredentials(
                found.type,
                read_values("auth_cred", found.auth_cred),
                read_values("vim_project", found.vim_project),
                tuple(found.regions),
            )
        except BadInput:
            return _FAULTS["CREDENTIALS_UNREADABLE"]


def _without(error: grpc.aio.AioRpcError) -> Fetched:
    reason = failure_of(error).reason
    if (fault := _FAULTS.get(reason)) is not None:
        return fault
    if reason == "LOGIN_NOT_WANTED" or error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return NoCredentials()
    return CredentialsDelayed()
