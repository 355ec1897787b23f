"""A VIM that holds the loop twice is set aside, and everybody can see which it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.clouds.targets import FakeApi
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.scripted_prober import SimulatedHost
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.loop_guard.loop_watch import HOLD_S, LoopWatch
from vimesh.monitor.loop_guard.quarantine import Quarantine
from vimesh.monitor.loop_guard.safeguards import safeguards
from vimesh.monitor.loop_guard.vim_conduct import CLEAN_RETRIES, FIRST_PAUSE_S
from vimesh.monitor.targets.target import Target
from vimesh.monitor.targets.verdict import Verdict
from vimesh.watchdog.work_record import open_record, read_work

URL = "http://10.0.0.1:5000/v3"
UNKNOWN, REACHABLE, UNREACHABLE = Status.UNKNOWN, Status.REACHABLE, Status.UNREACHABLE
MINUTELY = ProbePolicy(interval_s=60)


def host_with_calendar(alive: Callable[[float], bool] = lambda _: True) -> SimulatedHost:
    """Return a host whose calendar goes with its simulated time."""
    host: SimulatedHost
    quarantine = Quarantine(clock=lambda: 1_800_000_000 + host.time)
    host = SimulatedHost(lambda at, _: 0.02 if alive(at) else None, quarantine=quarantine)
    return host


def pass_hours(host: SimulatedHost, hours: int) -> None:
    """Let hours pass, of which only the minute at the end of each is simulated."""
    for _ in range(hours):
        host.time += FIRST_PAUSE_S - 60
        host.run(62)


def hold_twice(host: SimulatedHost, target: Target) -> None:
    for _ in range(2):
        host.rounds.loop_was_held(target, 1.5)


def test_it_is_unknown_and_left_alone_for_an_hour_while_its_neighbour_is_probed_as_ever() -> None:
    host = host_with_calendar()
    vim, neighbour = action(URL, MINUTELY), action("http://10.0.0.2", MINUTELY, vim_id="neighbour")
    target, _ = host.start(vim), host.start(neighbour)
    host.run(1)
    host.rounds.loop_was_held(target, 1.5)
    host.run(1)
    assert host.statuses() == [REACHABLE], "one hold is none"
    host.rounds.loop_was_held(target, 1.5)
    host.sent.clear()

    host.run(3000)

    assert host.statuses() == [REACHABLE, UNKNOWN]
    said = host.verdicts.of("vim")[-1]
    assert said.reason == Reason.LOCAL_SET_ASIDE
    assert said.detail.startswith("its answers held the monitor for 1.5 s and for 1.5 s; it is tried again at ")
    assert {address.sockaddr[0] for _, address in host.sent} == {"10.0.0.2"}
    assert len(host.sent) == pytest.approx(50, abs=1)
    assert host.statuses("neighbour") == [REACHABLE]
    assert not host.rounds.recheck(target), "it is not stuck"
    assert host.rounds.open_rounds == 0


def test_after_some_clean_retries_its_status_is_told_again() -> None:
    host = host_with_calendar()
    target = host.start(action(URL, MINUTELY))
    host.run(1)
    hold_twice(host, target)
    host.sent.clear()

    pass_hours(host, CLEAN_RETRIES)

    # Each retry is one probe; after the last, the rounds go on at once.
    hours = [round((at - host.sent[0][0]) / FIRST_PAUSE_S, 1) for at, _ in host.sent]
    assert hours[:4] == [0, 1, 2, 2]
    assert set(hours[4:]) <= {2}
    assert host.statuses() == [REACHABLE, *[UNKNOWN] * CLEAN_RETRIES, REACHABLE]
    assert len({verdict.detail for verdict in host.verdicts.all}) == 1 + CLEAN_RETRIES, "each says when it is next"
    host.sent.clear()
    host.run(600)
    assert len(host.sent) == pytest.approx(10, abs=1)


def test_what_a_retry_finds_is_not_told_but_when_it_is_released_it_is() -> None:
    host = host_with_calendar(lambda at: at < 1010)
    target = host.start(action(URL, MINUTELY))
    host.run(1)
    hold_twice(host, target)

    pass_hours(host, CLEAN_RETRIES)
    host.run(60)

    assert host.statuses() == [REACHABLE, *[UNKNOWN] * CLEAN_RETRIES, UNREACHABLE]


@pytest.mark.parametrize("method", [Method.HTTP, Method.TCP, Method.PING])
def test_it_can_be_set_aside_at_any_stage_of_a_round(method: Method) -> None:
    # In the midst of a round with probes under way; between rounds; before the first.
    for at_s in (0.3, 30, 0):
        host = host_with_calendar(lambda at: at > 1002)
        target = host.start(action(URL, ProbePolicy(method, interval_s=60)))
        host.run(at_s)
        hold_twice(host, target)
        host.run(100)
        assert host.statuses()[-1] is UNKNOWN
        assert host.rounds.open_rounds == 0
        host.rounds.dismiss(target)
        assert not host.waits(target)


def test_a_round_that_somebody_asks_for_is_no_retry_of_a_vim_that_is_set_aside() -> None:
    host = host_with_calendar()
    target = host.start(action(URL, MINUTELY))
    host.run(1)
    hold_twice(host, target)
    host.rounds.dismiss(target)
    host.time += FIRST_PAUSE_S
    host.sent.clear()

    asked = Target(action(URL, MINUTELY, vim_id="asked"))
    host.rounds.enlist_once(asked, host.time)
    host.run(1)
    host.rounds.dismiss(asked)
    assert host.sent == []
    assert [verdict.reason for verdict in host.verdicts.of("asked")] == [Reason.LOCAL_SET_ASIDE]

    host.start(action(URL, MINUTELY))
    host.run(1)
    assert len(host.sent) == 1, "the VIM has its retry yet"


def test_a_hold_that_is_told_of_after_the_vim_was_dismissed_does_not_bring_it_back() -> None:
    host = host_with_calendar()
    target = host.start(action(URL, MINUTELY))
    host.run(1)
    host.rounds.dismiss(target)

    hold_twice(host, target)

    assert not host.waits(target)
    again = host.start(action(URL, MINUTELY))
    host.run(1)
    assert host.statuses()[-1] is UNKNOWN, "what it did is remembered"
    host.rounds.dismiss(again)


def test_a_new_action_with_another_address_has_a_fresh_chance() -> None:
    host = host_with_calendar()
    hold_twice(host, host.start(action(URL, MINUTELY)))

    host.start(action("http://10.0.0.2:5000/v3", MINUTELY, action_id="second"))
    host.run(1)

    assert {(said.action_id, said.status) for said in host.verdicts.all} == {("action", UNKNOWN), ("second", REACHABLE)}


class Clocks:
    """The time of the wall and the CPU time of this thread, which steps take as a test says."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 50.0
        self.holds: list[tuple[str, float]] = []
        self.watch = LoopWatch(on_hold=self._note, clock=lambda: self.wall_s, cpu_clock=lambda: self.cpu_s)

    def _note(self, target: Target, held_s: float) -> None:
        self.holds.append((target.vim_id, round(held_s, 3)))

    def step(self, vim_id: str, wall_s: float, cpu_s: float) -> None:
        self.watch.begin_step(Target(action(URL, vim_id=vim_id)))
        self.wall_s += wall_s
        self.cpu_s += cpu_s

    def sleep(self, wall_s: float) -> None:
        self.watch.end_step()
        self.wall_s += wall_s


def test_a_long_step_is_told_with_whose_it_was() -> None:
    clocks = Clocks()
    with capture_logs() as logs:
        for number in range(100):
            clocks.step(f"vim-{number}", 0.01, 0.01)
        clocks.step("culprit", 1.5, 1.4)
        clocks.step("next", 0.01, 0.01)
        assert clocks.holds == [], "nothing is done about it in the midst of other work"
        clocks.step("last culprit", 0.3, 0.3)
        clocks.sleep(100)

    assert sorted(clocks.holds) == [("culprit", 1.5), ("last culprit", 0.3)]
    assert [(log["log_level"], log["event"], log["vim_id"], log["for_s"]) for log in logs] == [
        ("warning", "the loop was held", "culprit", 1.5),
        ("warning", "the loop was held", "last culprit", 0.3),
    ]


@pytest.mark.parametrize(
    ("wall_s", "cpu_s"),
    [
        pytest.param(60.0, 0.01, id="the machine slept"),
        pytest.param(5.0, 0.2, id="the machine was busy with others"),
        pytest.param(HOLD_S, HOLD_S, id="no longer than may be"),
    ],
)
def test_nobody_is_accused_of_what_the_machine_did(wall_s: float, cpu_s: float) -> None:
    clocks = Clocks()
    # Much honest work before it must not be taken for that of the step.
    for number in range(100):
        clocks.step(f"vim-{number}", 0.01, 0.01)
    clocks.step("bystander", wall_s, cpu_s)
    clocks.sleep(10)
    clocks.step("bystander", wall_s, cpu_s)
    clocks.step("next", 0.01, 0.01)
    clocks.sleep(10)

    assert clocks.holds == []


def test_costs_that_were_measured_elsewhere_count() -> None:
    clocks = Clocks()
    with capture_logs() as logs:
        clocks.step("neighbour", 0.01, 0.01)
        clocks.watch.held(Target(action(URL)), 1.2, "a TLS handshake")
        assert clocks.holds == [], "it may be in the midst of work on the same VIM"
        clocks.sleep(1)

    assert clocks.holds == [("vim", 1.2)]
    assert logs[0]["by"] == "a TLS handshake"


def burn(cpu_s: float) -> None:
    """Hold the loop by work, however busy the machine is."""
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass


async def test_a_host_sets_aside_whose_steps_burn_its_time(verdicts: Verdicts, api: FakeApi) -> None:
    def note(verdict: Verdict) -> None:
        verdicts.note(verdict)
        # What follows from an answer belongs to the step.
        if verdict.vim_id == "culprit" and verdict.status is not UNKNOWN:
            burn(HOLD_S + 0.05)

    with hosting(note, loopback_settings()) as host, capture_logs() as logs:
        host.start(action(api.url + "/culprit", quick_policy(), vim_id="culprit"))
        assert (await verdicts.next_of("culprit")).status is REACHABLE
        host.start(action(api.url + "/neighbour", quick_policy(), vim_id="neighbour"))
        assert (await verdicts.next_of("neighbour")).status is REACHABLE
        assert len(verdicts.of("culprit")) == 1
        await api.refuse()
        said = await verdicts.next_of("culprit", after=2)
        assert (said.status, said.reason) == (UNKNOWN, Reason.LOCAL_SET_ASIDE)
        await api.listen()
        await verdicts.until("neighbour", REACHABLE)

    held = [log for log in logs if log["event"] == "the loop was held"]
    assert [log["vim_id"] for log in held] == ["culprit", "culprit"]
    assert all(log["for_s"] >= HOLD_S for log in held)


async def test_what_a_host_works_on_can_be_read_from_outside(verdicts: Verdicts, api: FakeApi, tmp_path: Path) -> None:
    path = tmp_path / "monitor.work"
    seen: list[str] = []

    def note(verdict: Verdict) -> None:
        work = read_work(path)
        seen.append("" if work is None else work.text)
        verdicts.note(verdict)

    with safeguards(path) as guards, hosting(note, loopback_settings(), guards) as host:
        for vim_id, path_asked in (("first", "/v3"), ("second", "/v2.0")):
            host.start(action(api.url.replace("/v3", path_asked), quick_policy(), vim_id=vim_id))
            await verdicts.next_of(vim_id)
        assert read_work(path) is None, "between two steps it works on nothing"

    assert seen == ["first", "second"]


def test_a_vim_on_which_the_process_before_ended_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "monitor.work"
    for _ in range(2):
        with open_record(path) as opened:
            opened.record.begin(1.0, b"vim")
            left = path.read_bytes()
        path.write_bytes(left)  # as if it had ended in the midst
        with safeguards(path) as guards:
            host = SimulatedHost(lambda _, __: 0.02, quarantine=guards.quarantine)
            host.start(action(URL, MINUTELY))
            host.start(action("http://10.0.0.2", MINUTELY, vim_id="neighbour"))
            host.run(1)

    assert (host.statuses(), host.statuses("neighbour")) == ([UNKNOWN], [REACHABLE])
    assert "until the monitor ended and until the monitor ended" in host.verdicts.of("vim")[0].detail
