"""A delivery is a trace, if the lot falls on it: each try, and what the conductor puts on record of it."""

from __future__ import annotations

import pytest

from tests.support.deployments.conductors import client_at
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.tracing.otlp_receiver import otlp_receiver
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.domain.leases import LONGEST_CONTACT_WITHIN_S
from vimesh.notifier.senders.sender import SendDelayed
from vimesh.store.sql_store import SqlStore
from vimesh.tracing.otlp_tracer import otlp_tracer
from vimesh.v1.vim_pb2 import Vim

WITHIN_S = 30
NOTIFIER, CONDUCTOR = "vimesh-notifier", "vimesh-conductor"


async def test_a_delivery_is_traced_with_what_is_recorded_of_it(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager = Endpoint(failure=SendDelayed("503: busy"))
    settings = ConductorSettings(contact_within_s=LONGEST_CONTACT_WITHIN_S, drain_s=0, grace_s=1)
    async with otlp_receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{collector.address}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        async with (
            otlp_tracer("conductor") as served,
            otlp_tracer("notifier", begins_traces=True) as drawn,
            serving(store, settings, tracer=served) as ports,
            client_at(f"127.0.0.1:{ports.main}") as client,
        ):
            await create_receiver(client.channel)
            vim = await client.register()
            async with notifier_at(client.address, "one", {"pager": pager}, drawn):
                await client.report(vim, Vim.UNREACHABLE, 1)
                await pager.until_tried(1)
                pager.failure = None
                await pager.until(1)
                first = await collector.until_named("notification", WITHIN_S)
                spans = await collector.until(first.trace_id, {NOTIFIER: 2, CONDUCTOR: 1}, WITHIN_S)

    names = {span.span_id: span.name for span in spans}
    [delivery] = [span for span in spans if span.name == "delivery"]
    [recorded] = [span for span in spans if span.name.endswith("/RecordDelivery")]
    assert (first.parent_id, names[delivery.parent_id], names[recorded.parent_id]) == (
        "",
        "notification",
        "notification",
    )
    assert (delivery.failed, first.failed) == (True, False)
    assert first.attributes["vimesh.request_id"] == recorded.attributes["vimesh.request_id"]
