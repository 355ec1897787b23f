from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2
from structlog.testing import capture_logs

from tests.support.deployments.scripted_conductor import (
    REACHABLE,
    UNREACHABLE,
    ScriptedConductor,
    bad_action,
    recorded,
    serving,
)
from vimesh.domain.vims import Status
from vimesh.monitor.reporting.report_ledger import TAKEOVER_STEP, ReportLedger
from vimesh.monitor.reporting.reporter import Reporter, ReporterLimits
from vimesh.monitor.targets.verdict import Verdict
from vimesh.rpc.channels import channel
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub

LIMITS = ReporterLimits(batch=10, calls=2, call_timeout_s=5, first_pause_s=0.01, longest_pause_s=0.05)


@pytest.fixture
async def conductor() -> ScriptedConductor:
    return ScriptedConductor()


@pytest.fixture
def stopped() -> asyncio.Queue[tuple[str, str]]:
    """The (vim_id, action_id) of each action that was answered with bad_action."""
    return asyncio.Queue()


@pytest.fixture
async def ledger(conductor: ScriptedConductor, stopped: asyncio.Queue[tuple[str, str]]) -> AsyncGenerator[ReportLedger]:
    async with serving(conductor) as port, reporting(port, stopped=stopped) as made:
        yield made


@asynccontextmanager
async def reporting(
    port: int, limits: ReporterLimits = LIMITS, stopped: asyncio.Queue[tuple[str, str]] | None = None
) -> AsyncGenerator[ReportLedger]:
    """Report what is noted in the ledger."""
    clock = asyncio.get_running_loop().time
    ledger = ReportLedger(random=Random(1))
    bad_actions = stopped or asyncio.Queue()
    async with channel(f"127.0.0.1:{port}") as to_conductor, asyncio.TaskGroup() as parts:
        reporter = Reporter(
            ConductorServiceStub(to_conductor),
            ledger,
            recheck=lambda *_: None,
            on_bad_action=lambda *action: bad_actions.put_nowait(action),
            clock=clock,
            random=Random(1),
            limits=limits,
        )
        running = parts.create_task(reporter.run())
        yield ledger
        running.cancel()


def verdict(status: Status, *, vim_id: str = "vim", action_id: str = "action", reason: str = "") -> Verdict:
    return Verdict(vim_id, action_id, status, reason, "", None, asyncio.get_running_loop().time())


def adopt(ledger: ReportLedger, count: int) -> list[str]:
    vim_ids = [f"vim-{number}" for number in range(count)]
    for vim_id in vim_ids:
        ledger.add_action(vim_id, "action", 0)
    return vim_ids


async def test_nothing_is_reported_before_the_first_verdict(conductor: ScriptedConductor, ledger: ReportLedger) -> None:
    adopt(ledger, 3)
    ledger.queue_verdict(verdict(Status.REACHABLE, vim_id="vim-1"))

    await conductor.until(lambda: bool(conductor.reports))

    assert [report.vim_id for report in conductor.reports] == ["vim-1"]


async def test_changes_that_come_together_travel_together(conductor: ScriptedConductor, ledger: ReportLedger) -> None:
    for vim_id in adopt(ledger, 10):
        ledger.queue_verdict(verdict(Status.REACHABLE, vim_id=vim_id))

    await conductor.until(lambda: len(conductor.reports) == 10)

    assert len(conductor.calls) == 1


async def test_a_batch_is_never_larger_than_its_limit(conductor: ScriptedConductor, ledger: ReportLedger) -> None:
    for vim_id in adopt(ledger, 35):
        ledger.queue_verdict(verdict(Status.REACHABLE, vim_id=vim_id))

    await conductor.until(lambda: len(conductor.reports) == 35)

    assert max(len(call) for call in conductor.calls) <= LIMITS.batch


async def test_a_new_host_counts_on_from_far_above_the_observation_on_record(
    conductor: ScriptedConductor, ledger: ReportLedger
) -> None:
    ledger.add_action("vim", "action", 41)
    ledger.queue_verdict(verdict(Status.REACHABLE))

    await conductor.until(lambda: bool(conductor.reports))

    assert conductor.reports[0].observation == 41 + 2**20 + 1


async def test_a_contact_repeats_the_verdict_with_its_number(
    conductor: ScriptedConductor, ledger: ReportLedger
) -> None:
    conductor.answer = lambda report: recorded(report, within_s=0.5)
    ledger.add_action("vim", "action", 0)
    ledger.queue_verdict(verdict(Status.UNREACHABLE, reason="TIMEOUT"))

    await conductor.until(lambda: len(conductor.reports) == 3)

    first, second, third = conductor.reports
    assert first.observation == second.observation == third.observation
    assert first.age.ToTimedelta() < second.age.ToTimedelta() < third.age.ToTimedelta()
    assert {(report.status, report.reason) for report in conductor.reports} == {(UNREACHABLE, "TIMEOUT")}


async def test_one_report_of_a_vim_is_on_its_way_at_a_time_and_the_newest_follows(
    conductor: ScriptedConductor, ledger: ReportLedger
) -> None:
    conductor.gate.clear()
    for vim_id in adopt(ledger, 2):
        ledger.queue_verdict(verdict(Status.REACHABLE, vim_id=vim_id))
    await conductor.until(lambda: len(conductor.reports) == 2)
    ledger.queue_verdict(verdict(Status.UNREACHABLE, vim_id="vim-0"))
    ledger.queue_verdict(verdict(Status.REACHABLE, vim_id="vim-0"))
    ledger.queue_verdict(verdict(Status.UNREACHABLE, vim_id="vim-0"))

    conductor.gate.set()
    await conductor.until(lambda: len(conductor.reports) == 3)

    assert (conductor.reports[2].status, conductor.reports[2].observation) == (UNREACHABLE, 2**20 + 4)


async def test_errors_end_nothing_and_the_newest_verdict_is_told_afterwards(
    conductor: ScriptedConductor, ledger: ReportLedger, stopped: asyncio.Queue[tuple[str, str]]
) -> None:
    conductor.refusal = grpc.StatusCode.UNAVAILABLE
    ledger.add_action("vim", "action", 0)
    with capture_logs() as logs:
        ledger.queue_verdict(verdict(Status.REACHABLE))
        await conductor.until(lambda: len(conductor.calls) >= 4)
        ledger.queue_verdict(verdict(Status.UNREACHABLE))
        conductor.refusal = None
        conductor.answer = lambda report: recorded(report, within_s=0.5)
        calls = len(conductor.calls)
        await conductor.until(lambda: len(conductor.calls) >= calls + 3)

    assert conductor.reports[-1].status == UNREACHABLE
    assert stopped.empty()
    assert [line["event"] for line in logs] == ["conductors lost: probing goes on", "conductors back"]


async def test_a_conductor_that_is_down_is_waited_for(conductor: ScriptedConductor) -> None:
    async with serving(conductor) as port:
        pass
    async with reporting(port) as ledger:
        ledger.add_action("vim", "action", 0)
        ledger.queue_verdict(verdict(Status.REACHABLE))
        async with serving(conductor, port):
            await conductor.until(lambda: bool(conductor.reports))

            assert conductor.reports[0].status == REACHABLE


async def test_an_answer_that_never_comes_is_not_waited_for(conductor: ScriptedConductor) -> None:
    impatient = ReporterLimits(call_timeout_s=0.1, first_pause_s=0.01)
    conductor.gate.clear()
    async with serving(conductor) as port, reporting(port, impatient) as ledger:
        ledger.add_action("vim", "action", 0)
        ledger.queue_verdict(verdict(Status.REACHABLE))

        await conductor.until(lambda: len(conductor.calls) == 3)


async def test_a_poison_report_does_not_block_the_others(conductor: ScriptedConductor, ledger: ReportLedger) -> None:
    conductor.refuses = lambda report: report.vim_id == "vim-3"
    accepted: set[str] = set()

    def answer(report: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
        accepted.add(report.vim_id)
        return recorded(report)

    conductor.answer = answer
    vim_ids = adopt(ledger, 9)
    with capture_logs() as logs:
        for vim_id in vim_ids:
            ledger.queue_verdict(verdict(Status.REACHABLE, vim_id=vim_id))
        await conductor.until(lambda: len(accepted) == 8 and [r.vim_id for r in conductor.calls[-1]] != ["vim-3"])

    assert accepted == set(vim_ids) - {"vim-3"}
    assert [line["report"].vim_id for line in logs if line["event"] == "report refused"] == ["vim-3"]


def refused(_: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
    return pb.UpdateVimResponse(refused=status_pb2.Status(code=3, message="breaks a rule"))


async def test_a_report_that_is_refused_alone_is_no_contact_and_is_told_of_once(
    conductor: ScriptedConductor, ledger: ReportLedger, stopped: asyncio.Queue[tuple[str, str]]
) -> None:
    conductor.answer = lambda report: refused(report) if report.vim_id == "vim-3" else recorded(report, within_s=0.5)
    with capture_logs() as logs:
        for vim_id in adopt(ledger, 9):
            ledger.queue_verdict(verdict(Status.REACHABLE, vim_id=vim_id))
        await conductor.until(lambda: len(conductor.reports) >= 50)

    sent = Counter(report.vim_id for report in conductor.reports)
    assert sent["vim-3"] == 1  # each of the others makes contact again and again
    assert min(sent[f"vim-{number}"] for number in (0, 1, 2, 4, 5, 6, 7, 8)) > 1
    assert [(line["report"].vim_id, line["why"]) for line in logs if line["event"] == "report refused"] == [
        ("vim-3", "breaks a rule")
    ]
    assert stopped.empty()


async def test_a_newer_verdict_is_reported_after_one_that_was_refused(
    conductor: ScriptedConductor, ledger: ReportLedger
) -> None:
    conductor.answer = refused
    ledger.add_action("vim", "action", 0)
    ledger.queue_verdict(verdict(Status.REACHABLE))
    await conductor.until(lambda: len(conductor.reports) == 1)
    conductor.answer = recorded

    ledger.queue_verdict(verdict(Status.UNREACHABLE))
    await conductor.until(lambda: len(conductor.reports) == 2)

    assert conductor.reports[1].status == UNREACHABLE


async def test_a_number_that_no_report_has_room_for_ends_alone(
    conductor: ScriptedConductor, ledger: ReportLedger
) -> None:
    """An action may come with one: conductors of older versions took whatever came."""
    ledger.add_action("poisoned", "action", 2**64 - 1)
    vim_ids = adopt(ledger, 9)
    with capture_logs() as logs:
        for vim_id in ("poisoned", *vim_ids):
            ledger.queue_verdict(verdict(Status.REACHABLE, vim_id=vim_id))
        await conductor.until(lambda: len(conductor.reports) == 9)
        ledger.queue_verdict(verdict(Status.UNREACHABLE, vim_id="vim-0"))
        await conductor.until(lambda: len(conductor.reports) == 10)

    assert {report.vim_id for report in conductor.reports} == set(vim_ids)
    assert [line["report"].vim_id for line in logs if line["event"] == "report refused"] == ["poisoned"]


async def test_a_bad_action_is_stopped_and_reported_no_more(
    conductor: ScriptedConductor, ledger: ReportLedger, stopped: asyncio.Queue[tuple[str, str]]
) -> None:
    conductor.answer = bad_action
    adopt(ledger, 2)
    ledger.queue_verdict(verdict(Status.REACHABLE, vim_id="vim-0"))

    async with asyncio.timeout(10):
        assert await stopped.get() == ("vim-0", "action")

    conductor.answer = recorded
    ledger.queue_verdict(verdict(Status.UNREACHABLE, vim_id="vim-0"))
    ledger.queue_verdict(verdict(Status.REACHABLE, vim_id="vim-1"))
    await conductor.until(lambda: len(conductor.reports) == 2)
    assert conductor.reports[1].vim_id == "vim-1"


async def test_who_is_late_but_knows_better_reports_above_the_newest_number(
    conductor: ScriptedConductor, ledger: ReportLedger
) -> None:
    newest = TAKEOVER_STEP + 100

    def answer(report: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
        if report.observation > newest:
            return recorded(report)
        within = Duration(seconds=60)
        return pb.UpdateVimResponse(status=UNREACHABLE, newest_observation=newest, contact_within=within)

    conductor.answer = answer
    ledger.add_action("vim", "action", 0)
    ledger.queue_verdict(verdict(Status.REACHABLE))

    await conductor.until(lambda: len(conductor.reports) == 2)

    assert (conductor.reports[1].status, conductor.reports[1].observation) == (REACHABLE, newest + 1)
