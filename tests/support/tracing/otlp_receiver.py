"""An OpenTelemetry collector for tests: takes spans by OTLP over gRPC on a free loopback port, and keeps them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


@dataclass(frozen=True)
class ReceivedSpan:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first span of a trace."""
    attributes: dict[str, str] = field(default_factory=dict)
    failed: bool = False


class OtlpReceiver(TraceServiceServicer):
    def __init__(self) -> None:
        self.port = 0
        self.spans: list[ReceivedSpan] = []
        self._news = asyncio.Condition()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def of_trace(self, trace_id: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    async def until(self, trace_id: str, counts: Mapping[str, int], within_s: float) -> list[ReceivedSpan]:
        """Wait until each service has sent so many spans of a trace; return all of its spans. Raises TimeoutError.

        A process sends its spans in batches, in the order in which they end: an outer span comes after its parts.
        """
        await self._until(
            lambda: Counter(counts) <= Counter(span.service for span in self.of_trace(trace_id)), within_s
        )
        return self.of_trace(trace_id)

    async def until_named(self, name: str, within_s: float) -> ReceivedSpan:
        """Wait for a span of any trace. Raises TimeoutError."""
        await self._until(lambda: any(span.name == name for span in self.spans), within_s)
        return next(span for span in self.spans if span.name == name)

    async def _until(self, holds: Callable[[], bool], within_s: float) -> None:
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(holds)

    async def Export(  # noqa: N802 - gRPC names it
        self, request: pb.ExportTraceServiceRequest, _context: object
    ) -> pb.ExportTraceServiceResponse:
        for one in request.resource_spans:
            service = next(item.value.string_value for item in one.resource.attributes if item.key == "service.name")
            self.spans += [
                ReceivedSpan(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    {item.key: item.value.string_value for item in span.attributes},
                    span.status.code == span.status.STATUS_CODE_ERROR,
                )
                for scope in one.scope_spans
                for span in scope.spans
            ]
        async with self._news:
            self._news.notify_all()
        return pb.ExportTraceServiceResponse()


@asynccontextmanager
async def otlp_receiver() -> AsyncGenerator[OtlpReceiver]:
    receiver, server = OtlpReceiver(), grpc.aio.server()
    add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # generated
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(None)
