from __future__ import annotations

import pytest

from vimesh.domain.vims import BadAction, Late, Outcome, Recorded, Report, Standing, Status, Unchanged, judge

WANTED = "action-now"
STANDING = Standing(action_id=WANTED, status=Status.REACHABLE, reason="", observation=7)


def report(status: Status, observation: int, *, action_id: str = WANTED, reason: str = "") -> Report:
    return Report("vim", action_id, status, observation=observation, reason=reason)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (report(Status.UNREACHABLE, 8), Recorded(Status.UNREACHABLE)),
        (report(Status.REACHABLE, 8), Recorded(Status.REACHABLE)),
        (report(Status.REACHABLE, 7), Unchanged(Status.REACHABLE)),
        (report(Status.UNREACHABLE, 6), Late(Status.REACHABLE, 7)),
        (report(Status.REACHABLE, 6), Late(Status.REACHABLE, 7)),
        (report(Status.UNREACHABLE, 7), Late(Status.REACHABLE, 7)),
        (report(Status.UNREACHABLE, 0), Recorded(Status.UNREACHABLE)),
        (report(Status.REACHABLE, 0), Unchanged(Status.REACHABLE)),
        (report(Status.REACHABLE, 0, reason="HTTP_200"), Recorded(Status.REACHABLE)),
        (report(Status.REACHABLE, 9, action_id="action-before"), BadAction()),
    ],
)
def test_a_report_is_judged_against_what_is_on_record(said: Report, outcome: Outcome) -> None:
    assert judge(STANDING, said) == outcome


def test_a_report_on_a_vim_that_is_gone_is_a_bad_action() -> None:
    assert judge(None, report(Status.REACHABLE, 1)) == BadAction()
