from __future__ import annotations

from vimesh.engine.stop_pauses import pause_after
from vimesh.engine.workflow_engine import Stop


def patience_s(*, vim_gone: bool) -> float:
    total_s, attempt = 0.0, 1
    while (pause_s := pause_after(Stop("vim", "action", vim_gone, attempt))) is not None:
        total_s += pause_s
        attempt += 1
    return total_s


def test_the_action_of_a_vim_that_is_gone_has_time_for_its_next_contact() -> None:
    assert patience_s(vim_gone=True) == 75


def test_an_action_that_was_replaced_does_not_hold_up_the_new_one() -> None:
    assert patience_s(vim_gone=False) == 12
