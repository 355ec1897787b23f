"""What a process does about traces when it starts and ends."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.support.clouds.targets import free_port
from vimesh.cli.processes import compose
from vimesh.domain.errors import BadSetting
from vimesh.tracing.otlp_tracer import otlp_tracer
from vimesh.tracing.spans import child_span, current_traceparent, entered, is_sampled, root_span, sampled_traceparent

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_what_serves_calls_imports_nothing_of_opentelemetry() -> None:
    modules = "vimesh.conductor.conductor_process, vimesh.store.sql_store, vimesh.api.api_process, vimesh.cli.main"
    script = f"import sys, {modules}; print([name for name in sys.modules if name.startswith('opentelemetry')])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"


async def test_without_an_endpoint_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    async with compose.tracer_of("conductor") as tracer:
        assert tracer is None


async def test_an_endpoint_without_the_packages_is_a_bad_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setattr(compose, "find_spec", lambda _name: None)

    with pytest.raises(BadSetting, match=r"OTEL_EXPORTER_OTLP_ENDPOINT.*\[otel\]"):
        async with compose.tracer_of("conductor"):
            pass


async def test_a_collector_that_is_away_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    async with otlp_tracer("conductor") as tracer:
        with entered(tracer.join(SAMPLED, "call", "id")):
            forwarded = current_traceparent()
            with child_span("part"):
                assert current_traceparent() not in {forwarded, ""}
        ended_at = time.monotonic()

    assert is_sampled(forwarded)
    assert forwarded.split("-")[1] == SAMPLED.split("-")[1]
    assert time.monotonic() - ended_at < 10
    assert not current_traceparent()


@pytest.mark.parametrize(
    ("sampler", "traceparent", "is_traced"),
    [
        ("", "", False),
        ("", SAMPLED, True),
        ("always_on", "", True),
        ("always_on", SAMPLED.replace("-01", "-00"), False),
        ("always_off", "", False),
        ("always_off", SAMPLED, True),
        ("parentbased_always_on", "", True),
    ],
)
async def test_only_a_sampler_that_is_set_begins_traces(
    monkeypatch: pytest.MonkeyPatch, sampler: str, traceparent: str, *, is_traced: bool
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    async with otlp_tracer("monitor", begins_traces=True) as tracer:
        with root_span(tracer, "work", "id", traceparent):
            assert bool(current_traceparent()) is is_traced
    with root_span(None, "work", "id", SAMPLED):
        assert not current_traceparent()


@pytest.mark.parametrize(("sampler", "argument"), [("always_on", ""), ("traceidratio", "0")])
async def test_a_conductor_joins_traces_and_begins_none_whatever_the_sampler(
    monkeypatch: pytest.MonkeyPatch, sampler: str, argument: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    async with otlp_tracer("conductor") as tracer:
        assert tracer.draw("work", "id") is None
        assert is_sampled(tracer.join(SAMPLED, "call", "id").traceparent)


@pytest.mark.parametrize(
    "value",
    [
        SAMPLED.replace("-01", "-00"),
        SAMPLED.upper(),
        SAMPLED.replace("00-", "ff-", 1),
        SAMPLED.replace("b7ad6b7169203331", "0" * 16),
        SAMPLED.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        SAMPLED + "-more",
        SAMPLED + "\n",
        "",
        b"00",
    ],
)
def test_what_is_not_a_sampled_traceparent_is_none(value: object) -> None:
    assert sampled_traceparent([("x", SAMPLED), ("traceparent", value)]) == ""
    assert sampled_traceparent([("traceparent", SAMPLED)]) == SAMPLED
