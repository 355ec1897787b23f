"""Tests which status follows from views: every combination of three, with every policy."""

from __future__ import annotations

import itertools

import pytest

from vimesh.domain.probing import Reason
from vimesh.domain.views.quorum import Conclusion, Opinion, conclude, stands_until
from vimesh.domain.vims import Status

_R, _U, _K, _P = Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN, Status.PENDING
_REACHABLE, _UNREACHABLE = (_R, ""), (_U, "TIMEOUT")
_NO_QUORUM, _DISPUTED = (_K, Reason.NO_QUORUM), (_K, Reason.DISPUTED)
_VANTAGES = ("eu", "us", "asia")

_FOLLOWS = {
    # How many say REACHABLE, UNREACHABLE: what follows with a quorum of the majority, 1, 2 and 3.
    (0, 0): (_NO_QUORUM, _NO_QUORUM, _NO_QUORUM, _NO_QUORUM),
    (1, 0): (_REACHABLE, _REACHABLE, _NO_QUORUM, _NO_QUORUM),
    (0, 1): (_UNREACHABLE, _UNREACHABLE, _NO_QUORUM, _NO_QUORUM),
    (2, 0): (_REACHABLE, _REACHABLE, _REACHABLE, _NO_QUORUM),
    (1, 1): (_DISPUTED, _UNREACHABLE, _DISPUTED, _NO_QUORUM),
    (0, 2): (_UNREACHABLE, _UNREACHABLE, _UNREACHABLE, _NO_QUORUM),
    (3, 0): (_REACHABLE, _REACHABLE, _REACHABLE, _REACHABLE),
    (2, 1): (_REACHABLE, _UNREACHABLE, _REACHABLE, _DISPUTED),
    (1, 2): (_UNREACHABLE, _UNREACHABLE, _UNREACHABLE, _DISPUTED),
    (0, 3): (_UNREACHABLE, _UNREACHABLE, _UNREACHABLE, _UNREACHABLE),
}


def _opinion(vantage: str, status: Status, until: int | None = None) -> Opinion:
    reason = {_U: "TIMEOUT", _K: "SILENT"}.get(status, "")
    return Opinion(vantage, status, reason, until=until)


@pytest.mark.parametrize("quorum", [0, 1, 2, 3])
@pytest.mark.parametrize("statuses", list(itertools.product((_R, _U, _K), repeat=3)))
def test_each_combination_of_three_views_has_its_status(statuses: tuple[Status, ...], quorum: int) -> None:
    opinions = list(map(_opinion, _VANTAGES, statuses))

    conclusion = conclude(opinions, quorum)

    assert (conclusion.status, conclusion.reason) == _FOLLOWS[statuses.count(_R), statuses.count(_U)][quorum]


def test_a_view_that_is_pending_cannot_tell() -> None:
    assert conclude([_opinion("eu", _P), _opinion("us", _P)], 0) == Conclusion(_P, "", "", None)
    assert conclude([_opinion("eu", _P), _opinion("us", _R)], 0).status is _R
    assert conclude([_opinion("eu", _P), _opinion("us", _R)], 2).reason == Reason.NO_QUORUM
    assert conclude([_opinion("eu", _P), _opinion("us", _K)], 0).reason == Reason.NO_QUORUM


def test_the_reason_is_that_of_most_and_else_of_the_first() -> None:
    timeout, refused = Opinion("eu", _U, "TIMEOUT", "no answer"), Opinion("us", _U, "REFUSED", "refused")
    also_refused = Opinion("asia", _U, "REFUSED", "by asia")

    assert conclude([timeout, refused], 0) == Conclusion(_U, "TIMEOUT", "no answer", None)
    assert conclude([timeout, refused, also_refused], 0) == Conclusion(_U, "REFUSED", "refused", None)


def test_a_dispute_says_who_says_what() -> None:
    conclusion = conclude([_opinion("eu", _R), _opinion("us", _U)], 0)

    assert conclusion.detail == "eu: REACHABLE; us: UNREACHABLE (TIMEOUT)"


@pytest.mark.parametrize(
    ("statuses", "quorum", "ends"),
    [
        ((_R, _R, _R), 0, 30),  # one of one is still a majority
        ((_R, _R, _R), 2, 20),
        ((_R, _R, _R), 3, 10),
        ((_U, _R, _R), 0, 30),
        ((_R, _R, _U), 0, 10),  # then they are even
        ((_R, _U, _K), 0, 10),  # the dispute ends
    ],
)
def test_a_status_stands_until_another_one_follows(statuses: tuple[Status, ...], quorum: int, ends: int) -> None:
    assert stands_until(list(map(_opinion, _VANTAGES, statuses, (10, 20, 30))), quorum) == ends


def test_what_was_never_heard_of_has_no_end() -> None:
    assert stands_until([_opinion("eu", _P), _opinion("us", _P)], 0) is None
