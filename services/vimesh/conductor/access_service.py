"""Serves AccessService: who the caller is."""

from __future__ import annotations

from typing import Any

import grpc

from vimesh.rpc.call_entrance import current_caller
from vimesh.rpc.rpc_table import rpcs_of
from vimesh.v1 import access_service_pb2 as pb
from vimesh.v1.access_service_pb2_grpc import AccessServiceServicer


class AccessServicer(AccessServiceServicer):
    async def WhoAmI(self, request: pb.WhoAmIRequest, context: grpc.aio.ServicerContext[Any, Any]) -> pb.WhoAmIResponse:
        caller = current_caller()
        return pb.WhoAmIResponse(
            identity=caller.identity,
            roles=sorted(caller.roles),
            projects=sorted(caller.projects or ()),
            all_projects=caller.projects is None,
            engines=sorted(caller.engines),
            rpcs=rpcs_of(caller.roles),
        )
