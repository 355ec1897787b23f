from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.verdict import Step, Track

OVER = {Step.SETTLED, Step.CHANGED}


def probed(track: Track) -> Track:
    """Send one more probe of the open round."""
    track.sent += 1
    return track


def fail_round(track: Track, reason: str = Reason.REFUSED) -> Step:
    track.begin()
    while True:
        step = probed(track).failed(reason, "")
        if step in OVER:
            return step


def answer_round(track: Track) -> Step:
    track.begin()
    return probed(track).answered()


def a_track(*, fall: int = 3, rise: int = 1) -> Track:
    return Track(fall=fall, rise=rise)


def test_the_first_answer_decides_whatever_rise_says() -> None:
    track = a_track(rise=5)

    assert answer_round(track) is Step.CHANGED
    assert track.status is Status.REACHABLE


def test_fall_failures_in_one_round_make_a_vim_unreachable() -> None:
    track = a_track()
    answer_round(track)
    track.begin()

    assert probed(track).failed(Reason.RESET, "") is Step.AGAIN
    assert probed(track).silent() is Step.AGAIN
    assert probed(track).failed(Reason.REFUSED, "no") is Step.WAIT
    assert track.silent() is Step.CHANGED
    assert (track.status, track.reason, track.detail) == (Status.UNREACHABLE, Reason.REFUSED, "no")


def test_silence_alone_is_a_timeout() -> None:
    track = a_track(fall=1)
    track.begin()

    assert probed(track).silent() is Step.CHANGED
    assert (track.status, track.reason) == (Status.UNREACHABLE, Reason.TIMEOUT)


def test_one_answer_in_a_round_clears_all_its_failures() -> None:
    track = a_track()
    for _ in range(10):
        track.begin()
        probed(track).silent()
        probed(track).silent()
        assert probed(track).answered() in OVER

    assert track.status is Status.REACHABLE


def test_a_vim_that_is_down_gets_one_probe_a_round() -> None:
    track = a_track()
    fail_round(track)

    track.begin()

    assert probed(track).silent() is Step.SETTLED


def test_a_vim_comes_back_after_rise_answers_in_a_row() -> None:
    track = a_track(rise=3)
    fail_round(track)
    track.begin()

    assert probed(track).answered() is Step.AGAIN
    assert probed(track).answered() is Step.AGAIN
    assert probed(track).answered() is Step.CHANGED
    assert track.status is Status.REACHABLE


def test_a_failure_among_the_confirming_probes_keeps_it_down() -> None:
    track = a_track(rise=3)
    fail_round(track)
    track.begin()
    probed(track).answered()

    assert probed(track).silent() is Step.SETTLED
    assert track.status is Status.UNREACHABLE


def test_another_reason_must_last_for_fall_rounds() -> None:
    track = a_track(fall=3)
    fail_round(track, Reason.REFUSED)

    assert [fail_round(track, Reason.TIMEOUT) for _ in range(2)] == [Step.SETTLED] * 2
    assert fail_round(track, Reason.REFUSED) is Step.SETTLED
    assert [fail_round(track, Reason.TIMEOUT) for _ in range(3)] == [Step.SETTLED, Step.SETTLED, Step.CHANGED]
    assert track.reason == Reason.TIMEOUT


def test_one_local_fault_is_passed_over() -> None:
    track = a_track()
    track.begin()

    assert track.faulted(Reason.LOCAL_RESOURCES, "") is Step.AGAIN
    assert probed(track).answered() is Step.CHANGED
    assert track.status is Status.REACHABLE


def test_a_round_of_which_nothing_could_be_sent_is_unknown() -> None:
    track = a_track()
    answer_round(track)
    track.begin()

    steps = [track.faulted(Reason.LOCAL_NO_ROUTE, "no route") for _ in range(4)]

    assert steps == [Step.AGAIN, Step.AGAIN, Step.AGAIN, Step.CHANGED]
    assert (track.status, track.reason) == (Status.UNKNOWN, Reason.LOCAL_NO_ROUTE)
    assert answer_round(track) is Step.CHANGED
    assert track.status is Status.REACHABLE


def test_rounds_that_stay_undecided_for_lack_of_probes_are_unknown_in_the_end() -> None:
    track = a_track()
    answer_round(track)

    def half_a_round() -> Step:
        track.begin()
        probed(track)
        for _ in range(4):
            track.faulted(Reason.LOCAL_RESOURCES, "")
        return track.silent()

    assert half_a_round() is Step.SETTLED
    assert track.status is Status.REACHABLE
    assert half_a_round() is Step.CHANGED
    assert (track.status, track.reason) == (Status.UNKNOWN, Reason.LOCAL_RESOURCES)


def test_every_address_is_tried_before_a_vim_is_called_unreachable() -> None:
    track = a_track(fall=1)
    track.begin()
    track.cover(2)

    assert probed(track).failed(Reason.REFUSED, "") is Step.AGAIN
    assert probed(track).failed(Reason.REFUSED, "") is Step.CHANGED


EVENTS = st.lists(st.sampled_from(["answer", "fail", "silence", "fault"]), max_size=200)


def play(track: Track, event: str) -> Step:
    if event == "fault":
        return track.faulted(Reason.LOCAL_RESOURCES, "")
    probed(track)
    if event == "answer":
        return track.answered()
    return track.failed(Reason.REFUSED, "") if event == "fail" else track.silent()


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
        while step is Step.WAIT:
            step = track.silent()
        assert in_round <= 2 * fall + rise + 2
        if step is Step.CHANGED and track.status is Status.UNREACHABLE:
            assert before is Status.UNREACHABLE or failures >= fall
        if step is Step.CHANGED and track.status is Status.UNKNOWN:
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
