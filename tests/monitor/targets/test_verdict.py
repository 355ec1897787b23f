from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.targets.verdict import NextStep, ReachabilityTrack

OVER = {NextStep.SETTLED, NextStep.CHANGED}
AT = 100.0


def probed(track: ReachabilityTrack) -> ReachabilityTrack:
    """Send one more probe of the open round."""
    track.sent += 1
    return track


def fail_round(track: ReachabilityTrack, reason: str = Reason.REFUSED) -> NextStep:
    track.begin()
    while True:
        step = probed(track).record_failure(AT, reason, "")
        if step in OVER:
            return step


def answer_round(track: ReachabilityTrack) -> NextStep:
    track.begin()
    return probed(track).record_answer()


def a_track(*, fall: int = 3, rise: int = 1, fail_for_s: float = 0.0) -> ReachabilityTrack:
    return ReachabilityTrack(fall=fall, rise=rise, fail_for_s=fail_for_s)


def test_the_first_answer_decides_whatever_rise_says() -> None:
    track = a_track(rise=5)

    assert answer_round(track) is NextStep.CHANGED
    assert track.status is Status.REACHABLE


def test_fall_failures_in_one_round_make_a_vim_unreachable() -> None:
    track = a_track()
    answer_round(track)
    track.begin()

    assert probed(track).record_failure(AT, Reason.RESET, "") is NextStep.AGAIN
    assert probed(track).record_silence(AT) is NextStep.AGAIN
    assert probed(track).record_failure(AT, Reason.REFUSED, "no") is NextStep.WAIT
    assert track.record_silence(AT) is NextStep.CHANGED
    assert (track.status, track.reason, track.detail) == (Status.UNREACHABLE, Reason.REFUSED, "no")


def test_silence_alone_is_a_timeout() -> None:
    track = a_track(fall=1)
    track.begin()

    assert probed(track).record_silence(AT) is NextStep.CHANGED
    assert (track.status, track.reason) == (Status.UNREACHABLE, Reason.TIMEOUT)


def test_one_answer_in_a_round_clears_all_its_failures() -> None:
    track = a_track()
    for _ in range(10):
        track.begin()
        probed(track).record_silence(AT)
        probed(track).record_silence(AT)
        assert probed(track).record_answer() in OVER

    assert track.status is Status.REACHABLE


def test_a_vim_that_is_down_gets_one_probe_a_round() -> None:
    track = a_track()
    fail_round(track)

    track.begin()

    assert probed(track).record_silence(AT) is NextStep.SETTLED


def test_a_vim_comes_back_after_rise_answers_in_a_row() -> None:
    track = a_track(rise=3)
    fail_round(track)
    track.begin()

    assert probed(track).record_answer() is NextStep.AGAIN
    assert probed(track).record_answer() is NextStep.AGAIN
    assert probed(track).record_answer() is NextStep.CHANGED
    assert track.status is Status.REACHABLE


def test_a_failure_among_the_confirming_probes_keeps_it_down() -> None:
    track = a_track(rise=3)
    fail_round(track)
    track.begin()
    probed(track).record_answer()

    assert probed(track).record_silence(AT) is NextStep.SETTLED
    assert track.status is Status.UNREACHABLE


def test_another_reason_must_last_for_fall_rounds() -> None:
    track = a_track(fall=3)
    fail_round(track, Reason.REFUSED)

    assert [fail_round(track, Reason.TIMEOUT) for _ in range(2)] == [NextStep.SETTLED] * 2
    assert fail_round(track, Reason.REFUSED) is NextStep.SETTLED
    assert [fail_round(track, Reason.TIMEOUT) for _ in range(3)] == [
        NextStep.SETTLED,
        NextStep.SETTLED,
        NextStep.CHANGED,
    ]
    assert track.reason == Reason.TIMEOUT


def test_one_local_fault_is_passed_over() -> None:
    track = a_track()
    track.begin()

    assert track.record_fault(Reason.LOCAL_RESOURCES, "") is NextStep.AGAIN
    assert probed(track).record_answer() is NextStep.CHANGED
    assert track.status is Status.REACHABLE


def test_a_round_of_which_nothing_could_be_sent_is_unknown() -> None:
    track = a_track()
    answer_round(track)
    track.begin()

    steps = [track.record_fault(Reason.LOCAL_NO_ROUTE, "no route") for _ in range(4)]

    assert steps == [NextStep.AGAIN, NextStep.AGAIN, NextStep.AGAIN, NextStep.CHANGED]
    assert (track.status, track.reason) == (Status.UNKNOWN, Reason.LOCAL_NO_ROUTE)
    assert answer_round(track) is NextStep.CHANGED
    assert track.status is Status.REACHABLE


def test_rounds_that_stay_undecided_for_lack_of_probes_are_unknown_in_the_end() -> None:
    track = a_track()
    answer_round(track)

    def half_a_round() -> NextStep:
        track.begin()
        probed(track)
        for _ in range(4):
            track.record_fault(Reason.LOCAL_RESOURCES, "")
        return track.record_silence(AT)

    assert half_a_round() is NextStep.SETTLED
    assert track.status is Status.REACHABLE
    assert half_a_round() is NextStep.CHANGED
    assert (track.status, track.reason) == (Status.UNKNOWN, Reason.LOCAL_RESOURCES)


def test_every_address_is_tried_fall_times_before_a_vim_is_called_unreachable() -> None:
    track = a_track(fall=2)
    track.begin()
    track.cover(3)

    steps = [probed(track).record_failure(AT, Reason.REFUSED, "") for _ in range(6)]

    assert steps == [NextStep.AGAIN] * 5 + [NextStep.CHANGED]


def test_a_vim_that_is_down_is_probed_once_at_each_address() -> None:
    track = a_track()
    fail_round(track)
    track.begin()
    track.cover(3)

    steps = [probed(track).record_silence(AT) for _ in range(3)]

    assert steps == [NextStep.AGAIN, NextStep.AGAIN, NextStep.SETTLED]


def test_when_an_answer_is_not_confirmed_the_addresses_that_are_left_have_their_turn() -> None:
    track = a_track(rise=2)
    fail_round(track)
    track.begin()
    track.cover(2)

    assert probed(track).record_answer() is NextStep.AGAIN
    assert track.is_recovering
    assert probed(track).record_silence(AT) is NextStep.AGAIN
    assert not track.is_recovering
    assert probed(track).record_answer() is NextStep.AGAIN
    assert probed(track).record_answer() is NextStep.CHANGED
    assert track.status is Status.REACHABLE


def test_an_address_that_cannot_be_sent_to_is_not_waited_for() -> None:
    track = a_track(fall=2)
    track.begin()
    track.cover(2)
    track.cover(1)

    assert [probed(track).record_failure(AT, Reason.REFUSED, "") for _ in range(2)] == [
        NextStep.AGAIN,
        NextStep.CHANGED,
    ]


def test_bad_news_of_a_name_is_doubted_before_it_is_believed() -> None:
    track = a_track(fall=1)
    track.begin()
    track.in_doubt = True

    assert probed(track).record_failure(AT, Reason.REFUSED, "no") is NextStep.DOUBT
    assert not track.is_down
    assert track.accept_failure(AT) is NextStep.CHANGED
    assert (track.status, track.reason, track.detail) == (Status.UNREACHABLE, Reason.REFUSED, "no")


def bear_round(track: ReachabilityTrack, at: float) -> NextStep:
    track.begin()
    track.begun_at = at
    return probed(track).record_failure(at + 0.2, Reason.REFUSED, "")


def test_failures_are_borne_until_they_have_lasted_long_enough() -> None:
    track = a_track(fall=1, fail_for_s=6)
    answer_round(track)

    assert [bear_round(track, at) for at in (100.0, 105.0)] == [NextStep.SETTLED] * 2
    assert (track.status, track.is_steady, track.tolerated_until) == (Status.REACHABLE, False, 106.0)
    assert bear_round(track, 106.0) is NextStep.CHANGED
    assert track.status is Status.UNREACHABLE


def test_an_answer_ends_what_was_borne() -> None:
    track = a_track(fall=1, fail_for_s=6)
    answer_round(track)

    for at in (100.0, 110.0, 120.0):
        assert bear_round(track, at) is NextStep.SETTLED
        assert answer_round(track) is NextStep.SETTLED
        assert track.is_steady


def test_a_local_fault_neither_ends_nor_begins_the_time_for_which_failures_are_borne() -> None:
    track = a_track(fall=1, fail_for_s=60)
    answer_round(track)
    assert bear_round(track, 100.0) is NextStep.SETTLED

    track.begin()
    assert track.give_up(Reason.LOCAL_NETWORK, "") is NextStep.CHANGED
    assert bear_round(track, 120.0) is NextStep.SETTLED
    assert (track.status, track.tolerated_until) == (Status.UNKNOWN, 160.0)
    assert bear_round(track, 160.0) is NextStep.CHANGED
    assert track.status is Status.UNREACHABLE


def test_a_vim_that_did_not_fail_before_a_local_fault_is_not_waited_for_after_it() -> None:
    track = a_track(fall=1, fail_for_s=60)
    answer_round(track)

    track.begin()
    track.give_up(Reason.LOCAL_NETWORK, "")
    assert bear_round(track, 120.0) is NextStep.CHANGED
    assert track.status is Status.UNREACHABLE


def test_a_vim_that_was_never_reached_is_not_waited_for() -> None:
    track = a_track(fall=1, fail_for_s=6)

    assert bear_round(track, 100.0) is NextStep.CHANGED
    assert track.status is Status.UNREACHABLE


EVENTS = st.lists(st.sampled_from(["answer", "fail", "silence", "fault"]), max_size=200)


def play(track: ReachabilityTrack, event: str) -> NextStep:
    if event == "fault":
        return track.record_fault(Reason.LOCAL_RESOURCES, "")
    probed(track)
    if event == "answer":
        return track.record_answer()
    return track.record_failure(AT, Reason.REFUSED, "") if event == "fail" else track.record_silence(AT)


@given(events=EVENTS, fall=st.integers(1, 10), rise=st.integers(1, 10))
def test_every_round_ends_and_nobody_goes_down_for_less_than_fall_failures(
    events: list[str], fall: int, rise: int
) -> None:
    track = a_track(fall=fall, rise=rise)
    track.begin()
    failures = in_round = 0
    for event in events:
        before = track.status
        step = play(track, event)
        in_round += 1
        failures += event in {"fail", "silence"}
        while step is NextStep.WAIT:
            step = track.record_silence(AT)
        assert in_round <= 2 * fall + 2 * rise + 2
        if step is NextStep.CHANGED and track.status is Status.UNREACHABLE:
            assert before is Status.UNREACHABLE or failures >= fall
        if step is NextStep.CHANGED and track.status is Status.UNKNOWN:
            assert track.reason == Reason.LOCAL_RESOURCES
        if step in OVER:
            failures = in_round = 0
            track.begin()


@given(events=st.lists(st.sampled_from(["answer", "fault"]), max_size=200), fall=st.integers(1, 10))
def test_local_faults_never_make_a_vim_unreachable(events: list[str], fall: int) -> None:
    track = a_track(fall=fall)
    track.begin()
    for event in events:
        if play(track, event) in OVER:
            track.begin()
        assert track.status is not Status.UNREACHABLE
