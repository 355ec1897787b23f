from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from hashlib import sha256

import pytest

from tests.support.probers.actions import action
from vimesh.domain.conditions.conditions import Certificate, ConditionStatus
from vimesh.monitor.conditions.certificate_reader import Unreadable
from vimesh.monitor.conditions.certificate_watch import READ_AGAIN_S, CertificateWatch
from vimesh.monitor.conditions.condition_book import ActionNews, ConditionBook
from vimesh.monitor.probes.base.sightings import Handshake
from vimesh.monitor.targets.target import Target

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


class Machine:
    """Clocks, a thread and timers that a test drives by hand."""

    def __init__(self) -> None:
        self.book = ConditionBook()
        self.elapsed_s = 0.0
        self.jobs: list[Callable[[], None]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.reads: list[tuple[bytes, ...]] = []
        self.certificates = CertificateWatch(
            self.book,
            clock=lambda: self.elapsed_s,
            now=lambda: START + dt.timedelta(seconds=self.elapsed_s),
            run_apart=self.jobs.append,
            call_in_loop=lambda call: call(),
            call_later=lambda delay_s, call: self.timers.append((self.elapsed_s + delay_s, call)),
            read=self._read,
        )

    def _read(self, chain: tuple[bytes, ...]) -> Certificate | Unreadable:
        """The bytes say for how many days it is valid."""
        self.reads.append(chain)
        if not chain[0].isdigit():
            return Unreadable("odd")
        return Certificate(
            "", "", (), START - DAY, START + int(chain[0]) * DAY, sha256(chain[0]).hexdigest(), (), None, ""
        )

    def target(self, vim_id: str = "vim") -> Target:
        made = Target(action("https://192.0.2.1/", vim_id=vim_id))
        self.book.add_action(made.owner, made)
        return made

    def show(self, target: Target, certificate: bytes, *, code: int = 0, verifies: bool = False) -> None:
        handshake = Handshake(certificate, lambda: [certificate, b"issuer"], verifies, code, "words" if code else "")
        self.certificates.note_handshake(target, handshake)

    def work(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()

    def pass_by(self, time: dt.timedelta) -> None:
        end_s = self.elapsed_s + time.total_seconds()
        while due := [timer for timer in self.timers if timer[0] <= end_s]:
            first = min(due, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.elapsed_s = first[0]
            first[1]()
        self.elapsed_s = end_s

    def news(self) -> list[ActionNews]:
        return self.book.take(100)

    def reason(self) -> tuple[ConditionStatus, str]:
        (news,) = self.news()
        (condition,) = news.conditions
        return condition.status, condition.reason


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_certificate_is_read_once_and_never_by_the_loop(machine: Machine) -> None:
    target = machine.target()
    for _ in range(3):
        machine.show(target, b"30")

    assert not machine.reads
    machine.work()

    assert machine.reads == [(b"30", b"issuer")]
    (news,) = machine.news()
    assert news.certificate is not None
    assert news.certificate.not_after == START + 30 * DAY
    assert [condition.status for condition in news.conditions] == [ConditionStatus.TRUE]
    machine.show(target, b"30")
    assert not machine.news()


def test_vims_that_show_the_same_one_have_it_read_once(machine: Machine) -> None:
    machine.show(machine.target("first"), b"30")
    machine.work()
    machine.show(machine.target("second"), b"30")

    assert len(machine.reads) == 1
    assert [news.vim_id for news in machine.news()] == ["first", "second"]


def test_one_that_ends_is_told_without_another_handshake(machine: Machine) -> None:
    target = machine.target()
    machine.show(target, b"30")
    machine.work()
    machine.news()

    machine.pass_by(30 * DAY - dt.timedelta(seconds=1))
    assert not machine.news()
    machine.pass_by(dt.timedelta(seconds=1))

    assert machine.reason() == (ConditionStatus.FALSE, "EXPIRED")


def test_a_renewed_one_replaces_it_and_the_end_of_the_old_one_is_told_no_more(machine: Machine) -> None:
    target = machine.target()
    machine.show(target, b"1")
    machine.work()
    machine.pass_by(dt.timedelta(minutes=1))
    machine.show(target, b"90")
    machine.work()
    machine.news()

    machine.pass_by(2 * DAY)

    assert not machine.news()


def test_a_server_with_another_one_each_time_is_not_read_each_time(machine: Machine) -> None:
    target = machine.target()
    for number in range(1, 50):
        machine.show(target, str(number).encode())
    machine.work()
    assert len(machine.reads) == 1

    machine.pass_by(dt.timedelta(seconds=READ_AGAIN_S))
    machine.show(target, b"99")
    machine.work()

    assert machine.reads[1:] == [(b"99", b"issuer")]


def test_a_refusal_is_told_and_taken_back(machine: Machine) -> None:
    target = machine.target()
    machine.show(target, b"30", code=19, verifies=True)
    machine.work()
    (news,) = machine.news()
    assert news.certificate is not None
    assert (news.certificate.verified, news.certificate.verify_error) == (False, "words")
    assert [condition.reason for condition in news.conditions] == ["UNTRUSTED"]

    machine.show(target, b"30", verifies=True)

    (news,) = machine.news()
    assert news.certificate is not None
    assert news.certificate.verified is True
    assert [condition.status for condition in news.conditions] == [ConditionStatus.TRUE]


def test_what_cannot_be_read_or_is_not_there_is_told_as_that(machine: Machine) -> None:
    machine.show(machine.target(), b"broken")
    machine.work()
    assert machine.reason() == (ConditionStatus.UNKNOWN, "UNREADABLE")

    machine.show(machine.target("bare"), b"")
    assert machine.reason() == (ConditionStatus.FALSE, "NO_CERTIFICATE")


def test_a_forgotten_target_is_not_told_of(machine: Machine) -> None:
    target = machine.target()
    machine.show(target, b"1")
    machine.certificates.forget(target)
    machine.work()
    machine.pass_by(2 * DAY)

    assert not machine.news()
