"""What benchmarks ask a real Prometheus, and what they make of it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from benchmarks.fleet import observed
from benchmarks.harness.prometheus import Job, running_prometheus
from benchmarks.harness.result import Verdict
from benchmarks.harness.rounds import Rounds
from benchmarks.updates import observed as updates


async def test_a_prometheus_reads_what_it_is_pointed_at(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    vims = Gauge("vims", "Those of a test.", ["status"], registry=registry)
    vims.labels("UNKNOWN").set(3)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        jobs = [Job("test", f"127.0.0.1:{server.server_port}")]
        async with running_prometheus(tmp_path, jobs, every_s=1) as prometheus:
            await prometheus.until_scraped(60)
            [sample] = await prometheus.query("sum by (status) (vims)")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    assert (sample["metric"], sample["value"][1]) == ({"status": "UNKNOWN"}, "3")


def test_the_overhead_is_what_a_fleet_takes_more_in_the_same_round() -> None:
    def rounds(*read: float) -> Rounds:
        plain = [{"percent_of_a_core": 50.0, "memory_mb": 1.0} for _ in read]
        with_it = [{"percent_of_a_core": value, "memory_mb": 1.0} for value in read]
        return Rounds({observed._PLAIN: plain, observed._READ: with_it})

    overhead, *_ = observed._figures(rounds(52, 51, 51.5), {"REACHABLE": 9})
    too_much, *_ = observed._figures(rounds(52.6, 52.6, 51), {"REACHABLE": 9})

    assert [round(value, 6) for value in overhead.rounds] == [4, 2, 3]
    assert (overhead.verdict, too_much.verdict) == (Verdict.GOAL, Verdict.MISSED)


def test_reports_may_cost_three_percent_more_with_metrics_and_two_with_traces() -> None:
    def sample(calls_per_s: float, conductor_us: float) -> dict[str, float]:
        return {"calls_per_s": calls_per_s, "conductor_us": conductor_us, "p99_ms": 1.0}

    samples = {
        updates._PLAIN: [sample(1000, 100)],
        updates._METRICS: [sample(975, 102.5)],
        updates._TRACES: [sample(975, 102.5)],
    }
    verdicts = [figure.verdict for figure in updates._figures(Rounds(samples))]

    assert verdicts == [Verdict.GOAL, Verdict.GOAL, Verdict.MISSED, Verdict.MISSED, *3 * [Verdict.NONE]]
