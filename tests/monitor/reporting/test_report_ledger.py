from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Report, Status
from vimesh.monitor.reporting.report_ledger import TAKEOVER_STEP, YIELD_S, ReportLedger, SentReport
from vimesh.monitor.targets.verdict import Verdict


@pytest.fixture
def ledger() -> ReportLedger:
    made = ReportLedger(random=Random(1))
    made.add_action("vim", "action", 0)
    return made


def note(ledger: ReportLedger, status: Status, *, seen_at: float = 0) -> None:
    ledger.queue_verdict(Verdict("vim", "action", status, "", "", None, seen_at))


def is_current(_vim_id: str, _action_id: str) -> None:
    """No verdict is out of date."""


def take(ledger: ReportLedger, now: float = 0, recheck: Callable[[str, str], object] = is_current) -> list[SentReport]:
    return ledger.take_batch(now, 100, recheck) if ledger.has_ready(now) else []


def reports(batch: list[SentReport]) -> list[Report]:
    return [sent.report for sent in batch]


def test_the_age_is_measured_when_the_report_is_made(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE, seen_at=100)

    assert reports(take(ledger, now=103.5))[0].age_s == pytest.approx(3.5)


def test_a_verdict_that_is_out_of_date_is_not_told_again(ledger: ReportLedger) -> None:
    def recheck(vim_id: str, action_id: str) -> None:
        if outdated:
            ledger.queue_verdict(Verdict(vim_id, action_id, Status.UNKNOWN, Reason.LOCAL_STUCK, "", None, 50))

    outdated = False
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger, recheck=recheck)
    ledger.handle_recorded(sent, 0, 60)
    outdated = True

    (again,) = take(ledger, now=60, recheck=recheck)

    assert again.report.status is Status.UNKNOWN
    assert again.report.observation == sent.report.observation + 1
    assert take(ledger, now=60, recheck=recheck) == []
    ledger.handle_recorded(again, 60, 60)
    assert take(ledger, now=61, recheck=recheck) == []


def test_contact_is_made_in_the_second_half_of_the_granted_time(ledger: ReportLedger) -> None:
    now = 0.0
    for _ in range(50):
        note(ledger, Status.REACHABLE)
        (sent,) = take(ledger, now)
        ledger.handle_recorded(sent, now, 60)

        contact = ledger.next_contact()

        assert contact is not None
        assert now + 30 <= contact <= now + 45.25
        now = contact + 1


@pytest.mark.parametrize(("granted", "latest"), [(0, 0.65), (3600, 45.25)])
def test_a_grant_out_of_bounds_is_not_taken_literally(ledger: ReportLedger, granted: float, latest: float) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)

    ledger.handle_recorded(sent, 0, granted)

    contact = ledger.next_contact()
    assert contact is not None
    assert 0 < contact <= latest


def test_a_verdict_that_came_meanwhile_is_told_at_once(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    note(ledger, Status.UNREACHABLE)
    assert take(ledger) == []

    ledger.handle_recorded(sent, 0, 60)

    assert [(report.status, report.observation) for report in reports(take(ledger))] == [
        (Status.UNREACHABLE, TAKEOVER_STEP + 2),
    ]


def test_what_bounced_comes_again_as_the_newest(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    note(ledger, Status.UNREACHABLE)

    ledger.handle_bounced(sent)

    assert [report.status for report in reports(take(ledger))] == [Status.UNREACHABLE]
    assert take(ledger) == []


def test_a_refused_report_waits_for_news(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_refused(sent, 0)
    assert take(ledger, now=30) == []

    note(ledger, Status.UNREACHABLE)

    assert [report.status for report in reports(take(ledger, now=30))] == [Status.UNREACHABLE]


NEWEST = TAKEOVER_STEP + 100
"""Above our own number, as of a host that has insisted, and not of one that has taken the action over since."""


def test_a_late_report_that_says_the_same_is_not_repeated(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)

    ledger.handle_late(sent, 0, 60, Status.REACHABLE, newest=NEWEST)

    assert take(ledger, now=20) == []
    assert reports(take(ledger, now=46))[0].observation == NEWEST + 1


def test_a_late_report_that_says_something_else_is_insisted_on(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)

    ledger.handle_late(sent, 0, 60, Status.UNREACHABLE, newest=NEWEST)

    assert take(ledger, now=0.1) == []
    assert reports(take(ledger, now=1))[0].observation == NEWEST + 1


def test_who_has_taken_the_action_over_is_left_alone_for_a_while(ledger: ReportLedger) -> None:
    """A monitor that was stopped for a while must not overwrite what its successor says (G17)."""
    taken_over = 2 * TAKEOVER_STEP + 5
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_late(sent, 0, 60, Status.UNREACHABLE, newest=taken_over)
    assert take(ledger, now=YIELD_S - 1) == []

    note(ledger, Status.UNKNOWN)
    (news,) = take(ledger, now=YIELD_S - 1)
    ledger.handle_late(news, YIELD_S - 1, 60, Status.UNREACHABLE, newest=taken_over)
    assert news.report.observation < taken_over
    assert take(ledger, now=YIELD_S - 0.5) == []

    # Nobody has said by now that the action is not ours: the other one may be what is wrong.
    (again,) = take(ledger, now=YIELD_S + 1)
    ledger.handle_late(again, YIELD_S + 1, 60, Status.UNREACHABLE, newest=taken_over)
    # So high that it yields in its turn: two that disagree must not overtake each other with each contact.
    assert [report.observation for report in reports(take(ledger, now=YIELD_S + 2))] == [taken_over + TAKEOVER_STEP]


def test_who_gets_an_action_back_reports_at_once(ledger: ReportLedger) -> None:
    taken_over = 2 * TAKEOVER_STEP + 5
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_late(sent, 0, 60, Status.UNREACHABLE, newest=taken_over)

    ledger.reclaim_action("vim", "action", taken_over)

    assert [report.observation for report in reports(take(ledger, now=1))] == [taken_over + TAKEOVER_STEP]


def test_who_is_told_of_an_action_that_it_has_anyway_reports_no_more_for_it(ledger: ReportLedger) -> None:
    """A list of all actions must not be a report of all VIMs."""
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_recorded(sent, 0, 60)

    ledger.reclaim_action("vim", "action", sent.observation)
    ledger.reclaim_action("another", "action", 2 * TAKEOVER_STEP)

    assert take(ledger, now=1) == []


def test_an_action_that_is_forgotten_is_reported_no_more(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.remove_action("vim", "action")

    ledger.handle_bounced(sent)
    note(ledger, Status.UNREACHABLE)

    assert take(ledger, now=1000) == []


def test_a_contact_that_is_due_does_not_wait_for_news_of_others(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_recorded(sent, 0, 10)
    for number in range(8):
        ledger.add_action(f"new-{number}", "action", 0)
        ledger.queue_verdict(Verdict(f"new-{number}", "action", Status.REACHABLE, "", "", None, 1))

    assert ledger.has_ready(10)
    assert [made.report.vim_id for made in ledger.take_batch(10, 4, is_current)] == ["vim", "new-0", "new-1", "new-2"]


def test_news_do_not_wait_for_the_contacts_of_others(ledger: ReportLedger) -> None:
    for number in range(8):
        ledger.add_action(f"old-{number}", "action", 0)
        ledger.queue_verdict(Verdict(f"old-{number}", "action", Status.REACHABLE, "", "", None, 0))
    for sent in take(ledger):
        ledger.handle_recorded(sent, 0, 10)
    note(ledger, Status.REACHABLE, seen_at=9)

    assert ledger.has_ready(10)
    assert "vim" in [made.report.vim_id for made in ledger.take_batch(10, 4, is_current)]


def test_news_in_a_long_line_go_when_their_contact_is_due(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_recorded(sent, 0, 10)
    for number in range(8):
        ledger.add_action(f"new-{number}", "action", 0)
        ledger.queue_verdict(Verdict(f"new-{number}", "action", Status.REACHABLE, "", "", None, 1))
    note(ledger, Status.UNREACHABLE, seen_at=1)

    assert ledger.has_ready(10)
    first, *others = ledger.take_batch(10, 4, is_current)
    assert first.report.status is Status.UNREACHABLE
    rest = ledger.take_batch(10, 100, is_current)
    assert "vim" not in [made.report.vim_id for made in (*others, *rest)]


def test_two_actions_of_a_vim_are_reported_each_for_itself(ledger: ReportLedger) -> None:
    ledger.add_action("vim", "another", 7)
    note(ledger, Status.REACHABLE)
    ledger.queue_verdict(Verdict("vim", "another", Status.UNREACHABLE, "", "", None, 0))

    told = [(report.action_id, report.status) for report in reports(take(ledger))]

    assert told == [("action", Status.REACHABLE), ("another", Status.UNREACHABLE)]


def test_the_oldest_report_that_waits_is_the_one_that_was_due_first(ledger: ReportLedger) -> None:
    ledger.add_action("other", "action", 0)
    assert (ledger.queued, ledger.oldest_waits_since()) == (0, None)

    note(ledger, Status.REACHABLE, seen_at=10)
    note(ledger, Status.UNREACHABLE, seen_at=11)
    ledger.queue_verdict(Verdict("other", "action", Status.REACHABLE, "", "", None, 12))
    assert (ledger.queued, ledger.oldest_waits_since()) == (2, 10)

    sent = take(ledger, now=13)
    assert (ledger.queued, ledger.oldest_waits_since()) == (0, None)
    for each in sent:
        ledger.handle_bounced(each)
    assert (ledger.queued, ledger.oldest_waits_since()) == (2, 10)

    for each in take(ledger, now=20):
        ledger.handle_recorded(each, 20, 60)
    assert (ledger.queued, ledger.oldest_waits_since()) == (0, None)
    assert ledger.has_ready(70)
    assert (ledger.queued, ledger.oldest_waits_since()) == (2, 70)


def test_news_whose_contact_falls_due_waits_once(ledger: ReportLedger) -> None:
    note(ledger, Status.REACHABLE)
    (sent,) = take(ledger)
    ledger.handle_recorded(sent, 0, 60)
    note(ledger, Status.UNREACHABLE, seen_at=20)

    assert ledger.has_ready(60)

    assert (ledger.queued, ledger.oldest_waits_since()) == (1, 20)
    assert len(take(ledger, now=60)) == 1
    assert ledger.queued == 0


def test_each_verdict_counts_by_its_status(ledger: ReportLedger) -> None:
    for status in (Status.REACHABLE, Status.UNREACHABLE, Status.REACHABLE):
        note(ledger, status)
    ledger.queue_verdict(Verdict("not run", "action", Status.REACHABLE, "", "", None, 0))

    assert ledger.statistics.verdicts == {Status.REACHABLE: 2, Status.UNREACHABLE: 1, Status.UNKNOWN: 0}
