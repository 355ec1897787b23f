"""What explanations claim is true of the state, for random histories; and what is not true is found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.explanations.claim_truth import Untrue
from tests.simulation.explanations.play_histories import play_histories
from vimesh.domain.explain import explain_vim, foresee_changes
from vimesh.domain.explain.claims import Basis, FaultKind, LeasePhase, PossibleChange
from vimesh.domain.explain.vim_evidence import VimEvidence
from vimesh.domain.vims import Status, Vim
from vimesh.store.explain import read_evidence

Patch = pytest.MonkeyPatch

# Other seeds than those of the mutations: `__main__` plays any number of them.
_HISTORIES = range(100_000, 100_120)
_MOST = range(150)
"""Histories in which a mutation has to be found."""


@pytest.mark.timeout(300)
async def test_what_is_claimed_is_true_of_the_state() -> None:
    tally = await play_histories(_HISTORIES)

    assert tally.histories == len(_HISTORIES)
    assert tally.claims > 20 * len(_HISTORIES)
    assert tally.played > len(_HISTORIES) / 2


def _patch(module: Any, name: str, value: object) -> Callable[[Patch], None]:  # noqa: ANN401 - a module
    return lambda patch: patch.setattr(module, name, value)


def _evidence_with(**fields: object) -> Callable[[Patch], None]:
    """Let the store say something else than what is so."""
    read = read_evidence._read_all

    def wrong(*arguments: Any) -> VimEvidence:  # noqa: ANN401 - as they come
        evidence = read(*arguments)
        return replace(evidence, **{name: value(evidence) for name, value in fields.items()})  # type: ignore[operator]

    return _patch(read_evidence, "_read_all", wrong)


def _naive_quorum(vim: Vim, status: Status) -> int:
    return max((vim.policy.quorum or len(vim.views) // 2 + 1) - sum(view.status is status for view in vim.views), 0)


def _first_task_alone(evidence: VimEvidence, build: Any) -> Iterator[PossibleChange]:  # noqa: ANN401 - private
    return foresee_changes_next_task(replace(evidence, tasks=[one for one in evidence.tasks if not one.is_void]), build)


foresee_changes_next_task = foresee_changes._next_task

MUTATIONS: dict[str, Callable[[Patch], None]] = {
    "every_status_is_of_a_report": _patch(explain_vim, "_basis", lambda _: Basis.REPORT),
    "every_lease_runs": _patch(explain_vim, "phase_of", lambda _: LeasePhase.RUNNING),
    "the_vim_is_blamed_for_everything": _patch(explain_vim, "fault_of", lambda _: FaultKind.VIM),
    "replacements_are_forgotten": _patch(foresee_changes, "_replacements", lambda *_: iter(())),
    "the_majority_is_that_of_all": _patch(foresee_changes, "_vantages_needed", _naive_quorum),
    "a_task_does_not_wait_for_others": _patch(foresee_changes, "_next_task", _first_task_alone),
    "the_dead_are_alive": _evidence_with(
        duties=lambda evidence: [replace(duty, is_alive=True, has_living=True) for duty in evidence.duties]
    ),
    "a_vantage_lives_only_by_its_owner": _evidence_with(
        duties=lambda evidence: [replace(duty, has_living=duty.is_alive) for duty in evidence.duties]
    ),
    "conditions_are_forgotten": _evidence_with(vim=lambda evidence: replace(evidence.vim, conditions=())),
    "certificates_never_expire": _evidence_with(as_of=lambda evidence: evidence.as_of - dt.timedelta(days=1)),
    "maintenance_is_forgotten": _evidence_with(vim=lambda evidence: replace(evidence.vim, maintenance=None)),
    "one_answer_is_always_enough": _evidence_with(
        vim=lambda evidence: replace(evidence.vim, policy=replace(evidence.vim.policy, rise=1))
    ),
    "changes_of_others_are_told": _evidence_with(changes=lambda evidence: evidence.changes[1:]),
    "claims_never_end": _evidence_with(
        tasks=lambda evidence: [replace(task, is_claimed=task.attempts > 0) for task in evidence.tasks]
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTATIONS)
async def test_an_explanation_that_is_not_true_is_found_out(name: str, monkeypatch: Patch) -> None:
    MUTATIONS[name](monkeypatch)

    with pytest.raises(Untrue):
        await play_histories(_MOST)
