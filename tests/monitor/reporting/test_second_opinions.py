"""Bad news waits for what another monitor sees, and never for longer than it may (G15)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

import pytest

from tests.support.probers.verdicts import Verdicts
from tests.support.timing.waiting import until
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.reporting.second_opinions import OpinionLimits, SecondOpinions
from vimesh.monitor.targets.verdict import Verdict
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.wire_durations import duration

_WITHIN_S = 20.0
_SOON_S = 0.3
_REACHED = pb.SecondOpinion(status=Vim.REACHABLE, monitor_id="m2", round_trip=duration(0.003))
_FAILED = pb.SecondOpinion(status=Vim.UNREACHABLE, reason="TIMEOUT", monitor_id="m2")
_NONE = pb.SecondOpinion()


class Others:
    """The other monitors: they answer as a test says, when it lets them."""

    def __init__(self) -> None:
        self.opinion = _FAILED
        self.lost: set[str] = set()
        """What they do not reach, whatever they say of the rest."""
        self.calls: list[list[pb.FailedVim]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.are_none = False
        self.is_cut_off = False
        self.open_calls = 0
        self.silent_about: set[str] = set()
        """VIMs about which nothing is said, while the call stays open."""

    async def ask(self, vims: Sequence[pb.FailedVim]) -> AsyncGenerator[pb.SecondOpinion]:
        self.calls.append(list(vims))
        self.open_calls += 1
        try:
            for position, vim in enumerate(vims):
                if vim.vim_id not in self.silent_about:
                    await self.may_answer.wait()
                    opinion = pb.SecondOpinion(position=position)
                    opinion.MergeFrom(_FAILED if vim.vim_id in self.lost else self.opinion)
                    yield opinion
            if not self.silent_about.isdisjoint(vim.vim_id for vim in vims):
                await asyncio.Event().wait()
        finally:
            self.open_calls -= 1

    @property
    def asked(self) -> list[str]:
        return [vim.vim_id for call in self.calls for vim in call]


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def told() -> Verdicts:
    return Verdicts()


@pytest.fixture
def wait_s() -> float:
    """How long bad news waits: longer than a busy machine stalls, unless a test is about the end of the wait."""
    return _WITHIN_S


@pytest.fixture
async def opinions(others: Others, told: Verdicts, wait_s: float) -> AsyncGenerator[SecondOpinions]:
    made = SecondOpinions(
        others.ask,
        told.note,
        round_trip_of=lambda _vim_id, _action_id: 0.1,
        is_alone=lambda: others.are_none,
        is_cut_off=lambda: others.is_cut_off,
        clock=time.monotonic,
        limits=OpinionLimits(wait_s=wait_s, first_pause_s=0.02, longest_pause_s=0.04, look_s=0.01),
    )
    running = asyncio.ensure_future(made.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


def bad(vim_id: str = "vim", reason: str = Reason.TIMEOUT) -> Verdict:
    return Verdict(vim_id, "action", Status.UNREACHABLE, reason, "no answer", None, time.monotonic())


def good(vim_id: str = "vim") -> Verdict:
    return Verdict(vim_id, "action", Status.REACHABLE, "", "", 0.1, time.monotonic())


async def test_bad_news_is_told_when_another_monitor_agrees(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.may_answer.clear()
    verdict = bad()
    opinions.consider(verdict)
    await until(lambda: bool(others.calls), _WITHIN_S)
    assert told.all == []

    others.may_answer.set()
    assert await told.next_of("vim") == verdict
    [[asked]] = others.calls
    # Six times as long as the VIM took when it last answered.
    assert (asked.vim_id, asked.action_id, asked.patience.ToMilliseconds()) == ("vim", "action", 600)


async def test_monitors_that_disagree_say_so_until_they_agree(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _REACHED
    verdict = bad()
    opinions.consider(verdict)
    disputed = await told.next_of("vim")
    await until(lambda: len(others.calls) > 2, _WITHIN_S)
    assert len(told.all) == 1
    others.opinion = _FAILED
    agreed = await told.next_of("vim", after=1)

    assert (disputed.status, disputed.reason) == (Status.UNKNOWN, Reason.DISPUTED)
    assert disputed.detail == "monitor m2 reached it in 3 ms, this one did not (TIMEOUT: no answer)"
    assert disputed.decided_at == verdict.decided_at
    assert (agreed.status, agreed.reason) == (Status.UNREACHABLE, Reason.TIMEOUT)
    assert agreed.decided_at > verdict.decided_at


async def test_a_dispute_says_that_others_of_the_host_were_probed_instead(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = pb.SecondOpinion(status=Vim.REACHABLE, monitor_id="m2", of_host=True)
    opinions.consider(bad())

    detail = (await told.next_of("vim")).detail
    assert detail == "monitor m2 reached others of its host, and this one did not reach it (TIMEOUT: no answer)"


async def test_a_dispute_does_not_end_because_nobody_can_tell_for_a_moment(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _REACHED
    opinions.consider(bad())
    await told.next_of("vim")
    others.opinion = _NONE
    asked = len(others.calls)
    told_at_last = await told.next_of("vim", after=1)
    assert told_at_last.status is Status.UNREACHABLE
    assert len(others.calls) >= asked + 3

    # That is not the last word on a VIM that another one has reached, however long nobody can tell.
    await until(lambda: len(others.calls) >= asked + 12, _WITHIN_S)
    others.opinion = _REACHED
    assert (await told.next_of("vim", after=2)).reason == Reason.DISPUTED


async def test_a_dispute_does_not_end_while_the_network_of_this_monitor_is_away(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _REACHED
    opinions.consider(bad())
    await told.next_of("vim")
    others.opinion, others.is_cut_off = _NONE, True
    asked = len(others.calls)
    await until(lambda: len(others.calls) >= asked + 8, _WITHIN_S)
    assert len(told.all) == 1

    others.is_cut_off = False
    assert (await told.next_of("vim", after=1)).status is Status.UNREACHABLE


async def test_what_is_asked_again_does_not_delay_what_is_new(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    """Each call is open for as long as another monitor hangs, and there are only so many."""
    others.opinion = _NONE
    for number in range(6_000):
        opinions.consider(bad(f"old-{number}"))
    await until(lambda: len(told.all) == 6_000, _WITHIN_S)
    others.may_answer.clear()
    await until(lambda: others.open_calls == 2, _WITHIN_S)

    opinions.consider(bad("new"))
    await until(lambda: "new" in others.asked, _WITHIN_S)
    assert others.open_calls == 3
    others.opinion = _FAILED
    others.may_answer.set()
    await told.next_of("new")


@pytest.mark.parametrize("wait_s", [_SOON_S])
async def test_what_is_said_too_late_corrects_what_was_told(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.may_answer.clear()
    opinions.consider(bad())
    assert (await told.next_of("vim")).status is Status.UNREACHABLE
    others.opinion = _REACHED
    others.may_answer.set()

    assert (await told.next_of("vim", after=1)).reason == Reason.DISPUTED


async def _dispute(opinions: SecondOpinions, others: Others, told: Verdicts, count: int) -> None:
    """Let others reach so many VIMs that this monitor does not."""
    others.opinion = _REACHED
    for number in range(count):
        opinions.consider(bad(f"reached-{number}"))
    await until(lambda: len(told.all) == count, _WITHIN_S)


@pytest.mark.parametrize("wait_s", [_SOON_S])
@pytest.mark.parametrize("opinion", [_NONE, None])
async def test_a_monitor_that_others_contradict_in_nearly_all_accuses_nobody_by_itself(
    opinions: SecondOpinions, others: Others, told: Verdicts, opinion: pb.SecondOpinion | None
) -> None:
    await _dispute(opinions, others, told, 12)
    if opinion is None:
        others.may_answer.clear()
    else:
        others.opinion = opinion
    opinions.consider(bad("unasked"))
    doubted = await told.next_of("unasked")

    assert (doubted.status, doubted.reason) == (Status.UNKNOWN, Reason.DISPUTED)
    assert doubted.detail == "other monitors reach 12 VIMs that this one does not (TIMEOUT: no answer)"
    assert opinions.statistics.unasked == 0
    # It is asked about again, and told as soon as somebody agrees.
    others.opinion = _FAILED
    others.may_answer.set()
    assert (await told.next_of("unasked", after=1)).status is Status.UNREACHABLE


async def test_however_long_nobody_answers_a_monitor_that_doubts_itself_accuses_nobody(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    await _dispute(opinions, others, told, 12)
    others.opinion = _NONE
    asked = len(others.asked)
    await until(lambda: len(others.asked) >= asked + 12 * 5, _WITHIN_S)

    assert {verdict.status for verdict in told.all} == {Status.UNKNOWN}


async def test_a_monitor_that_others_confirm_as_often_does_not_doubt_itself(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    await _dispute(opinions, others, told, 12)
    others.lost = {f"lost-{number}" for number in range(4)}
    for vim_id in others.lost:
        opinions.consider(bad(vim_id))
    await until(lambda: opinions.statistics.agreed == 4, _WITHIN_S)
    others.opinion = _NONE
    opinions.consider(bad("unasked"))

    assert (await told.next_of("unasked")).status is Status.UNREACHABLE


async def test_doubts_end_with_what_they_came_from(opinions: SecondOpinions, others: Others, told: Verdicts) -> None:
    await _dispute(opinions, others, told, 12)
    for number in range(12):
        opinions.consider(good(f"reached-{number}"))
    others.opinion = _NONE
    opinions.consider(bad("unasked"))

    assert (await told.next_of("unasked")).status is Status.UNREACHABLE


@pytest.mark.parametrize("wait_s", [_SOON_S])
@pytest.mark.parametrize("opinion", [_NONE, None])
async def test_who_cannot_tell_or_hangs_holds_nothing_back(
    opinions: SecondOpinions, others: Others, told: Verdicts, opinion: pb.SecondOpinion | None
) -> None:
    if opinion is None:
        others.may_answer.clear()
    else:
        others.opinion = opinion
    verdict = bad()
    opinions.consider(verdict)

    assert await told.next_of("vim") == verdict
    assert opinions.statistics.unasked == 1


async def test_what_nobody_could_tell_is_asked_again_and_may_be_disputed_then(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _NONE
    verdict = bad()
    opinions.consider(verdict)
    await told.next_of("vim")
    others.opinion = _REACHED
    disputed = await told.next_of("vim", after=1)
    others.opinion = _FAILED
    agreed = await told.next_of("vim", after=2)

    assert (disputed.status, disputed.reason) == (Status.UNKNOWN, Reason.DISPUTED)
    # It was UNREACHABLE until then.
    assert verdict.decided_at < disputed.decided_at < agreed.decided_at
    assert agreed.status is Status.UNREACHABLE


async def test_what_is_out_is_not_told_twice_when_another_monitor_agrees_later(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _NONE
    opinions.consider(bad())
    await told.next_of("vim")
    opinions.consider(bad(reason=Reason.REFUSED))
    others.opinion = _FAILED
    await until(lambda: opinions.statistics.agreed == 1, _WITHIN_S)
    asked = len(others.calls)
    opinions.consider(bad("other"))
    await told.next_of("other")

    assert [verdict.reason for verdict in told.of("vim")] == [Reason.TIMEOUT, Reason.REFUSED]
    assert len(others.calls) == asked + 1


async def test_what_nobody_can_ever_tell_is_asked_again_for_about_a_minute(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _NONE
    opinions.consider(bad())
    await until(lambda: len(others.calls) == 6, _WITHIN_S)
    opinions.consider(bad("other"))
    await until(lambda: others.asked.count("other") == 6, _WITHIN_S)

    assert others.asked.count("vim") == 6
    assert [verdict.status for verdict in told.of("vim")] == [Status.UNREACHABLE]


@pytest.mark.parametrize("wait_s", [_SOON_S])
async def test_what_is_said_of_one_vim_does_not_wait_for_what_is_not_said_of_another(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.silent_about = {"hangs"}
    opinions.consider(bad("hangs"))
    opinions.consider(bad("other"))

    await told.next_of("hangs")
    assert [verdict.vim_id for verdict in told.all] == ["other", "hangs"]
    assert (opinions.statistics.agreed, opinions.statistics.unasked) == (1, 1)
    assert len(others.calls) == 1


async def test_a_monitor_alone_asks_nobody(opinions: SecondOpinions, others: Others, told: Verdicts) -> None:
    others.are_none = True
    opinions.consider(bad())

    assert [verdict.status for verdict in told.all] == [Status.UNREACHABLE]
    assert others.calls == []


async def test_good_news_does_not_wait_and_what_it_overtakes_is_not_told(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.may_answer.clear()
    opinions.consider(bad())
    await until(lambda: bool(others.calls), _WITHIN_S)
    opinions.consider(good())
    assert [verdict.status for verdict in told.all] == [Status.REACHABLE]
    others.may_answer.set()
    opinions.consider(bad("other"))
    await told.next_of("other")

    assert len(told.of("vim")) == 1


async def test_what_is_out_is_not_asked_again_and_the_next_outage_is(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    opinions.consider(bad())
    await told.next_of("vim")
    opinions.consider(bad(reason=Reason.REFUSED))
    assert [verdict.reason for verdict in told.all] == [Reason.TIMEOUT, Reason.REFUSED]
    assert len(others.calls) == 1

    opinions.consider(good())
    opinions.consider(bad())
    await told.next_of("vim", after=3)
    assert others.asked == ["vim", "vim"]


async def test_an_action_that_has_ended_is_not_told_of(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    others.opinion = _REACHED
    opinions.consider(bad())
    await told.next_of("vim")
    opinions.forget("vim", "action")
    asked = len(others.calls)
    opinions.consider(bad("other"))
    await told.next_of("other")
    await until(lambda: others.asked.count("other") > 2, _WITHIN_S)

    assert others.asked.count("vim") <= asked
    assert len(told.of("vim")) == 1


async def test_thousands_that_are_lost_together_share_few_calls(
    opinions: SecondOpinions, others: Others, told: Verdicts
) -> None:
    for number in range(1_200):
        opinions.consider(bad(f"vim-{number}"))
    await until(lambda: len(told.all) == 1_200, _WITHIN_S)

    assert len(others.calls) == 3
    assert len(set(others.asked)) == 1_200
    assert {verdict.status for verdict in told.all} == {Status.UNREACHABLE}
