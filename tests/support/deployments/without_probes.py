"""A ConductorService that asks no monitor for probes, and takes no conditions, as that of a conductor of before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceServicer

_Context = grpc.aio.ServicerContext[Any, Any]


class WithoutProbes(ConductorServiceServicer):
    async def ServeProbes(  # noqa: N802 - the name of the RPC
        self,
        request_iterator: AsyncIterator[pb.ServeProbesRequest],  # noqa: ARG002 - gRPC passes it
        context: _Context,
    ) -> AsyncIterator[pb.ServeProbesResponse]:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "as the test wants")
        yield pb.ServeProbesResponse()

    async def ConfirmFailures(  # noqa: N802 - the name of the RPC
        self,
        request: pb.ConfirmFailuresRequest,  # noqa: ARG002 - gRPC passes it
        context: _Context,
    ) -> AsyncIterator[pb.ConfirmFailuresResponse]:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "as the test wants")
        yield pb.ConfirmFailuresResponse()

    async def GetVimCredentials(  # noqa: N802 - the name of the RPC
        self,
        request: pb.GetVimCredentialsRequest,  # noqa: ARG002 - gRPC passes it
        context: _Context,
    ) -> pb.GetVimCredentialsResponse:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "as the test wants")
        return pb.GetVimCredentialsResponse()

    async def ReportConditions(  # noqa: N802 - the name of the RPC
        self,
        request: pb.ReportConditionsRequest,  # noqa: ARG002 - gRPC passes it
        context: _Context,
    ) -> pb.ReportConditionsResponse:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "as the test wants")
        return pb.ReportConditionsResponse()
