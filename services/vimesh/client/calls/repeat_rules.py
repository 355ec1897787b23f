"""Knows which calls may be repeated, as the contract says at each RPC."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message

from vimesh.rpc.rpc_table import RPCS
from vimesh.v1.fleet_service_pb2 import DrainMonitorRequest
from vimesh.v1.maintenance_service_pb2 import CreateMaintenanceWindowRequest, EndMaintenanceWindowRequest
from vimesh.v1.receiver_service_pb2 import (
    CreateReceiverRequest,
    DeleteNotificationsRequest,
    DeleteReceiverRequest,
    ModifyReceiverRequest,
    ResendNotificationsRequest,
)
from vimesh.v1.vim_service_pb2 import (
    ApplyVimsRequest,
    DeregisterVimRequest,
    DeregisterVimsRequest,
    ModifyVimRequest,
    ModifyVimsRequest,
    RegisterVimRequest,
    RegisterVimsRequest,
)

_REPEATED_BY_ENVOY: Final = frozenset(f"{rpc.method}Request" for rpc in RPCS if rpc.repeatable)


def may_be_repeated(request: Message) -> bool:
    """Return whether a call with this request may be made again if nobody knows what became of the first."""
    match request:
        case RegisterVimRequest() | CreateMaintenanceWindowRequest() | CreateReceiverRequest():
            return bool(request.request_id)
        case RegisterVimsRequest():
            return all(each.request_id for each in request.requests)
        case ModifyVimRequest():
            # The first one has changed the etag.
            return not request.etag
        case (
            ApplyVimsRequest()
            | ModifyVimsRequest()
            | DeregisterVimRequest()
            | DeregisterVimsRequest()
            | EndMaintenanceWindowRequest()
            | ModifyReceiverRequest()
            | DeleteReceiverRequest()
            | ResendNotificationsRequest()
            | DeleteNotificationsRequest()
            | DrainMonitorRequest()
        ):
            return True
        case _:
            return request.DESCRIPTOR.name in _REPEATED_BY_ENVOY
