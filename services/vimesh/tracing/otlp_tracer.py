"""Sends spans to an OpenTelemetry collector by OTLP over gRPC. Imported only where an endpoint is set.

Endpoint, headers, certificates, time-outs and the sizes of batches come from OpenTelemetry's own variables.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_TRACES_SAMPLER
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from vimesh.tracing.spans import TRACEPARENT, Span

_STOP_S: Final = 2.0
"""How long a process that ends waits for its last spans to be sent."""
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtlpSpan:
    """Implements Span."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def traceparent(self) -> str:
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers, trace.set_span_in_context(self._span))
        return headers[TRACEPARENT]

    def child(self, name: str) -> Span:
        return OtlpSpan(self._tracer, self._tracer.start_span(name, trace.set_span_in_context(self._span)))

    def end(self, failure: str = "") -> None:
        if failure:
            self._span.set_attribute("error.type", failure)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()


class OtlpTracer:
    """Implements Tracer."""

    def __init__(self, provider: TracerProvider, *, draws: bool = False) -> None:
        """`draws`: whether the sampler of the provider may begin traces."""
        self._tracer = provider.get_tracer("vimesh")
        self._draws = draws

    def join(self, traceparent: str, name: str, request_id: str) -> Span:
        caller = _PROPAGATOR.extract({TRACEPARENT: traceparent})
        attributes = {"vimesh.request_id": request_id}
        span = self._tracer.start_span(name, caller, trace.SpanKind.SERVER, attributes)
        return OtlpSpan(self._tracer, span)

    def draw(self, name: str, request_id: str) -> Span | None:
        if not self._draws:
            return None
        span = self._tracer.start_span(name, Context(), attributes={"vimesh.request_id": request_id})
        return OtlpSpan(self._tracer, span) if span.is_recording() else None


@asynccontextmanager
async def otlp_tracer(component: str, *, begins_traces: bool = False) -> AsyncGenerator[OtlpTracer]:
    """Send spans while the block runs, in a thread. Those that the collector does not take in time are dropped.

    `begins_traces`: whether OpenTelemetry's variable may say for how much of its own work the component begins a trace.
    What comes in a sampled trace joins it whatever the variable says.
    """
    resource = Resource.create({SERVICE_NAME: f"vimesh-{component}", SERVICE_VERSION: version("vimesh")})
    # OpenTelemetry's own default is to trace everything.
    draws = begins_traces and bool(os.environ.get(OTEL_TRACES_SAMPLER))
    root = TracerProvider(shutdown_on_exit=False).sampler if draws else ALWAYS_OFF
    provider = TracerProvider(ParentBased(root), resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield OtlpTracer(provider, draws=draws)
    finally:
        # A daemon, because a collector that is away must not keep the process from ending.
        stopping = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
        stopping.start()
        await asyncio.to_thread(stopping.join, _STOP_S)
