"""What is remembered of VIMs that held the loop, and for how long they are set aside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.probers.actions import action, quick_policy
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.loop_guard.quarantine import MAX_ENTRIES, Quarantine
from vimesh.monitor.loop_guard.vim_conduct import CLEAN_RETRIES, FIRST_PAUSE_S, MEMORY_S
from vimesh.monitor.targets.target import Target

HOUR_S = 3600.0
URL = "http://10.0.0.1:5000/v3"


@dataclass
class Calendar:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def target(url: str = URL, policy: ProbePolicy | None = None, vim_id: str = "vim") -> Target:
    return Target(action(url, policy, vim_id=vim_id))


def set_aside(quarantine: Quarantine, vim: Target) -> None:
    assert [quarantine.note_hold(vim, 0.5), quarantine.note_hold(vim, 12.0)] == [False, True]


def test_a_vim_that_held_the_loop_twice_in_a_day_is_set_aside() -> None:
    calendar = Calendar()
    quarantine, vim = Quarantine(clock=calendar), target()

    assert not quarantine.note_hold(vim, 1.0)
    calendar.now += MEMORY_S + 1
    assert not quarantine.note_hold(vim, 1.0)
    assert vim not in quarantine
    assert quarantine.admits(vim)
    calendar.now += MEMORY_S - 1
    assert quarantine.note_hold(vim, 1.0)

    assert vim in quarantine
    assert not quarantine.admits(vim)


def test_why_and_until_when_can_be_read() -> None:
    calendar = Calendar()
    quarantine, vim = Quarantine(clock=calendar), target()
    quarantine.note_crash("vim")
    quarantine.enlist(vim)
    quarantine.note_hold(vim, 1.26)

    assert quarantine.detail(vim) == (
        "its answers held the monitor until the monitor ended and for 1.3 s; it is tried again at 2027-01-15T09:00:00Z"
    )


def test_a_retry_whose_answer_held_the_loop_is_not_clean() -> None:
    calendar = Calendar()
    quarantine, vim = Quarantine(clock=calendar), target()
    set_aside(quarantine, vim)

    for _ in range(2 * CLEAN_RETRIES):
        calendar.now += quarantine.retry_in_s(vim)
        assert quarantine.admits(vim)
        # Its answer came, and only after that it is seen that the step was long.
        quarantine.note_clean_retry(vim)
        quarantine.note_hold(vim, 1.0)
        assert vim in quarantine


def test_holds_in_retries_double_the_pause_up_to_a_day() -> None:
    calendar = Calendar()
    quarantine, vim = Quarantine(clock=calendar), target()
    set_aside(quarantine, vim)

    pauses_h = []
    for _ in range(7):
        pauses_h.append(quarantine.retry_in_s(vim) / HOUR_S)
        calendar.now += quarantine.retry_in_s(vim)
        assert quarantine.admits(vim)
        quarantine.note_hold(vim, 1.0)

    assert pauses_h == [1, 2, 4, 8, 16, 24, 24]


def test_clean_retries_in_a_row_release_it_and_one_more_hold_sets_it_aside_again() -> None:
    calendar = Calendar()
    quarantine, vim = Quarantine(clock=calendar), target()
    set_aside(quarantine, vim)

    for number in range(CLEAN_RETRIES):
        assert vim in quarantine, f"released after {number} clean retries"
        calendar.now += FIRST_PAUSE_S
        assert quarantine.admits(vim)
        assert not quarantine.admits(vim), "one round is one retry"
        quarantine.note_clean_retry(vim)

    assert vim not in quarantine
    assert quarantine.admits(vim)
    assert quarantine.note_hold(vim, 1.0), "two holds within a day are two, whatever was in between"


def test_what_is_probed_counts_and_not_the_id(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "aside.json")
    set_aside(quarantine, target())

    same = [target(vim_id="other"), target(policy=quick_policy(interval_s=60))]
    fresh = [target("http://10.0.0.1:5000/v4"), target("http://10.0.0.2:5000/v3"), target("https://10.0.0.1:5000/v3")]
    fresh += [target(policy=quick_policy(Method.PING)), target(policy=quick_policy(Method.TCP))]
    for vim in (*same, *fresh):
        quarantine.enlist(vim)

    assert [vim in quarantine for vim in (*same, *fresh)] == [True] * len(same) + [False] * len(fresh)
    assert "10.0.0.1" not in (tmp_path / "aside.json").read_text()


def test_targets_with_one_record_are_released_together() -> None:
    calendar = Calendar()
    quarantine, vim, twin = Quarantine(clock=calendar), target(), target(policy=quick_policy(interval_s=60))
    set_aside(quarantine, vim)
    quarantine.enlist(twin)
    for _ in range(CLEAN_RETRIES):
        calendar.now += FIRST_PAUSE_S
        assert quarantine.admits(vim)
        quarantine.note_clean_retry(vim)

    assert quarantine.admits(twin)
    assert twin not in quarantine


def test_it_survives_a_restart_in_the_midst_of_a_retry(tmp_path: Path) -> None:
    calendar, path = Calendar(), tmp_path / "aside.json"
    before = Quarantine(path, clock=calendar)
    vim = target()
    set_aside(before, vim)
    calendar.now += FIRST_PAUSE_S
    assert before.admits(vim)

    after, again = Quarantine(path, clock=calendar), target()
    after.note_crash("vim")
    after.enlist(again)

    assert not after.admits(again), "a VIM that ends the process must not be what the next one begins with"
    assert after.retry_in_s(again) == 2 * FIRST_PAUSE_S
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_crashes_set_a_vim_aside_even_if_nothing_was_ever_measured(tmp_path: Path) -> None:
    path = tmp_path / "aside.json"
    for _ in range(2):
        quarantine, vim = Quarantine(path), target()
        quarantine.note_crash("vim")
        quarantine.enlist(vim)

    assert vim in quarantine
    bystander = target("http://10.0.0.9", vim_id="other")
    quarantine.enlist(bystander)
    assert bystander not in quarantine


def test_a_clock_that_was_set_back_does_not_lengthen_the_pause() -> None:
    calendar = Calendar()
    quarantine, vim = Quarantine(clock=calendar), target()
    set_aside(quarantine, vim)

    calendar.now -= 365 * 24 * HOUR_S

    assert quarantine.retry_in_s(vim) == FIRST_PAUSE_S


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"conducts": []}',
        b'{"conducts": {"a": 1, "b": {"holds": "x"}, "c": {"holds": [[1e999, 1]]}, "d": {"holds": [[NaN, 1]]}}}',
        b'{"conducts": {"a": {"holds": [[1, 1, 1]], "retry_at": null, "pause_s": 1, "clean_retries": 0}}}',
        b'{"conducts": {"a": {"holds": [], "retry_at": -1, "pause_s": 3600, "clean_retries": 0}}}',
        b'{"conducts": {"a": {"holds": [], "retry_at": 1, "pause_s": 3600, "clean_retries": "x"}}}',
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "aside.json"
    path.write_bytes(content)

    with capture_logs() as logs:
        quarantine = Quarantine(path)
        set_aside(quarantine, target())

    assert any("cannot be read" in log["event"] for log in logs)
    assert len(json.loads(path.read_text())["conducts"]) == 1


def test_an_entry_that_cannot_be_read_spoils_no_other(tmp_path: Path) -> None:
    path, vim = tmp_path / "aside.json", target()
    set_aside(Quarantine(path), vim)
    document = json.loads(path.read_text())
    document["conducts"]["broken"] = {"holds": 3}
    path.write_text(json.dumps(document))

    quarantine = Quarantine(path)
    quarantine.enlist(vim)

    assert vim in quarantine


def test_the_oldest_entries_go_when_there_are_too_many(tmp_path: Path) -> None:
    path, newest = tmp_path / "aside.json", target()
    Quarantine(path).note_hold(target("http://10.0.0.9"), 1.0)
    [entry] = json.loads(path.read_text())["conducts"].values()
    path.write_text(json.dumps({"conducts": {f"{number:04}": entry for number in range(MAX_ENTRIES)}}))

    quarantine = Quarantine(path)
    quarantine.note_hold(newest, 1.0)

    left = list(json.loads(path.read_text())["conducts"])
    assert len(left) == MAX_ENTRIES
    assert (left[0], left[-2]) == ("0001", f"{MAX_ENTRIES - 1:04}")
    assert quarantine.note_hold(newest, 1.0), "the newest stays"


def test_a_place_that_cannot_be_written_is_told_once_each_time(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "aside.json"
    quarantine, vim = Quarantine(path), target()

    with capture_logs() as logs:
        set_aside(quarantine, vim)
        assert vim in quarantine
        path.parent.mkdir()
        quarantine.note_clean_retry(vim)
        path.parent.rename(tmp_path / "moved")
        quarantine.note_clean_retry(vim)

    assert sum("cannot be stored" in log["event"] for log in logs) == 2
