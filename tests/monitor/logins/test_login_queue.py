"""No cloud gets more logins than its budget, whatever number of VIMs it has, and all VIMs get their turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

from vimesh.monitor.logins.login_queue import JITTER, LoginQueue, QueuedLogin

GAP_S = 2.0


def queue(most_at_once: int = 32, gap_s: float = GAP_S) -> LoginQueue:
    return LoginQueue(gap_s=gap_s, most_at_once=most_at_once, random=Random(7))


def run(logins: LoginQueue, until: float, takes_s: float = 0.0, start: float = 0.0) -> list[tuple[float, QueuedLogin]]:
    """Let time pass from one event to the next; each login takes so long. Returns when each began."""
    began: list[tuple[float, QueuedLogin]] = []
    under_way: list[tuple[float, QueuedLogin]] = []
    now = start
    while now <= until:
        for ends_at, login in [one for one in under_way if one[0] <= now]:
            under_way.remove((ends_at, login))
            logins.release(login)
            logins.finish(login, now)
        for login in logins.take(now):
            began.append((now, login))
            under_way.append((now + takes_s, login))
        times = [ends_at for ends_at, _ in under_way]
        if (next_at := logins.next_at()) is not None:
            times.append(next_at)
        assert times, "nothing would ever happen again"
        now = max(now, min(times)) if min(times) > now else now + 1e-6
    return began


def test_a_new_vim_logs_in_at_once_and_then_about_every_interval() -> None:
    logins = queue()
    logins.add("a", "c", 300.0, 0.0, is_new=True)

    times = [time for time, _ in run(logins, 3000)]

    assert times[0] == 0
    pauses = [after - before for before, after in pairwise(times)]
    assert all(300 * (1 - JITTER) <= pause <= 300 * (1 + JITTER) + 1 for pause in pauses)
    assert len(set(pauses)) > 1


def test_vims_of_before_are_spread_over_their_interval() -> None:
    logins = queue()
    for number in range(1000):
        logins.add(number, f"c{number}", 300.0, 0.0, is_new=False)

    by_minute = Counter(int(time // 60) for time, _ in run(logins, 269))

    assert all(100 < by_minute[minute] < 300 for minute in range(4))


def test_logins_at_one_cloud_are_apart_and_one_at_a_time() -> None:
    logins = queue()
    for number in range(60):
        logins.add(number, "c", 300.0, 0.0, is_new=True)
        logins.add(-number - 1, "d", 300.0, 0.0, is_new=True)

    times = defaultdict(list)
    for time, login in run(logins, 290, takes_s=3.0):
        times[login.cloud].append(time)

    for of_cloud in times.values():
        assert len(of_cloud) >= 60
        assert min(after - before for before, after in pairwise(of_cloud)) >= 3.0 - 1e-6


def test_more_vims_than_the_budget_allows_take_turns() -> None:
    logins = queue()
    for number in range(300):
        logins.add(number, "c", 60.0, 0.0, is_new=True)

    began = run(logins, 1800)

    assert len(began) <= 1800 / GAP_S + 1
    counts = Counter(login.key for _, login in began)
    assert set(counts) == set(range(300))
    assert max(counts.values()) - min(counts.values()) <= 2


def test_logins_at_once_are_bounded() -> None:
    logins = queue(most_at_once=5)
    for number in range(50):
        logins.add(number, f"c{number}", 300.0, 0.0, is_new=True)

    assert len(logins.take(10)) == 5
    assert logins.take(10) == []


def test_a_vim_that_is_removed_has_no_more_logins() -> None:
    logins = queue()
    for number in range(3):
        logins.add(number, "c", 300.0, 0.0, is_new=True)
    [first] = logins.take(1)
    logins.remove(0)
    logins.remove(1)

    logins.release(first)
    logins.finish(first, 1)
    assert [login.key for login in logins.take(50)] == [2]
    logins.remove(2)
    assert len(logins) == 0


def test_a_login_that_sent_nothing_lets_the_next_one_in() -> None:
    logins = queue()
    for number in range(2):
        logins.add(number, "c", 300.0, 0.0, is_new=True)
    [first] = logins.take(1)

    logins.release(first, untouched=True)

    assert len(logins.take(1)) == 1


def test_a_vim_that_changed_its_policy_is_added_again() -> None:
    logins = queue()
    logins.add("a", "c", 300.0, 0.0, is_new=True)
    logins.add("a", "c", 60.0, 0.0, is_new=True)

    assert len(logins) == 1
    assert [login.interval_s for login in logins.take(1)] == [60.0]
