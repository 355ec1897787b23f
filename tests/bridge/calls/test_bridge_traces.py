"""A call of an old ping action that comes in a trace has its spans there: of the bridge, and of the conductor."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from uuid import uuid4

import pytest

from tests.bridge.bridges import running_bridge
from tests.bridge.site import Site
from tests.support.amqp.raw_publisher import raw_publisher
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.tracing.otlp_receiver import otlp_receiver
from vimesh.bridge.amqp.delivery_properties import DeliveryProperties, parse_properties
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.tracing.otlp_tracer import otlp_tracer

WITHIN_S = 30
BRIDGE, CONDUCTOR = "vimesh-bridge", "vimesh-conductor"


def sampled(trace_id: str, span_id: str) -> str:
    return f"00-{trace_id}-{span_id}-01"


def headers(*entries: bytes) -> bytes:
    """Return properties of nothing but headers."""
    table = b"".join(entries)
    return b"\x20\0" + len(table).to_bytes(4, "big") + table


def text(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + b"S" + len(value).to_bytes(4, "big") + value


@pytest.mark.asyncio(loop_scope="module")
async def test_a_message_in_a_trace_is_one_with_its_report(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    message = {"method": "update_vim", "args": {"vim_id": str(uuid4()), "status": "REACHABLE"}}
    async with otlp_receiver() as collector:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        async with (
            otlp_tracer("conductor") as tracer,
            store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
            serving(store, ConductorSettings(drain_s=0, grace_s=1), tracer=tracer) as ports,
            running_bridge(tmp_path, f"127.0.0.1:{ports.main}", site.broker.url, **settings),
            raw_publisher(site.broker.url) as publisher,
        ):
            for traceparent in ("", "nonsense", sampled(trace_id, caller)):
                body = json.dumps({**message, "_unique_id": uuid4().hex}).encode()
                await publisher.publish(body, headers(text(b"traceparent", traceparent.encode())))
            spans = await collector.until(trace_id, {BRIDGE: 1, CONDUCTOR: 1}, WITHIN_S)

    [call] = [span for span in spans if span.service == BRIDGE]
    served = [span for span in spans if span.parent_id == call.span_id]
    assert (call.name, call.parent_id) == ("AMQP call", caller)
    assert {span.service for span in served} == {CONDUCTOR}
    assert {span.trace_id for span in collector.spans} == {trace_id}


def test_the_headers_that_count_pass_the_content_filter() -> None:
    traceparent = sampled("a" * 32, "b" * 16).encode()

    read = parse_properties(
        headers(text(b"x", b"1"), text(b"traceparent", traceparent), text(b"compression", b"gzip"), b"\1yt\1")
    )

    assert read == DeliveryProperties(traceparent=traceparent, compression=b"gzip")
    assert parse_properties(read.on_wire()) == read
