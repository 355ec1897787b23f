"""What may stand at the cursor follows from the commands, and from what was read of the fleet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vimesh.cli.completion.answer_shell import WORDS_FILE
from vimesh.cli.completion.complete_word import candidates

TABLE: Any = json.loads(Path(WORDS_FILE).read_text())
ANSWERS = {
    "vims": ["faro", "lab-1", "lab-2", "oops; reboot", "porto's", "$(reboot)", "Évora"],
    "receivers": ["ops", "night"],
    "profiles": ["home", "lab"],
    "labels": {"region": ["ap", "eu"], "role": ["core"]},
}


def completed(line: str) -> list[str] | None:
    *words, word = line.split(" ")
    return candidates(TABLE, words, word, lambda: ANSWERS)


def nothing() -> dict[str, Any]:
    raise AssertionError("nothing of the fleet may stand there")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("vi", ["vim"]),
        ("vim sh", ["show"]),
        ("vim list --sort", ["--sort-by"]),
        ("vim list --no-headers -o j", ["json"]),
        ("vim list --output=y", ["--output=yaml"]),
        ("--output j", ["json"]),
        ("-o json vim de", ["deregister"]),
        ("vim show la", ["lab-1", "lab-2"]),
        ("vim ls -l re", ["region=ap", "region=eu"]),
        ("vim list -l region=eu,ro", ["region=eu,role=core"]),
        ("vim list -l region!=", ["region!=ap", "region!=eu"]),
        ("vim list --selector=!r", ["--selector=!region", "--selector=!role"]),
        ("vim label fa", ["faro"]),
        ("vim label faro region=", ["region=ap", "region=eu"]),
        ("vim deregister faro É", ["Évora"]),
        ("vim wait faro --for REA", ["REACHABLE"]),
        ("get vim/la", ["vim/lab-1", "vim/lab-2"]),
        ("get vims -w -l role", ["role=core"]),
        ("describe vim f", ["faro"]),
        ("get rec", ["receiver", "receivers"]),
        ("context use h", ["home"]),
        ("vim show faro --context l", ["lab"]),
        ("receiver show ", ["ops", "night"]),
        ("vim show -- f", ["faro"]),
        ("vim show --project ", []),
        ("no-such-command ", []),
        ("apply -f ", None),
    ],
)
def test_a_word_is_completed_by_where_it_stands(line: str, expected: list[str] | None) -> None:
    assert completed(line) == expected


@pytest.mark.parametrize("line", ["vim ", "vim show --", "vim list -o ", "apply -f "])
def test_the_fleet_is_asked_for_nothing_that_it_does_not_know(line: str) -> None:
    *words, word = line.split(" ")

    candidates(TABLE, words, word, nothing)


def test_names_that_a_shell_might_evaluate_are_not_offered() -> None:
    assert completed("vim show ") == ["faro", "lab-1", "lab-2", "Évora"]


def test_of_very_many_names_those_stay_that_tell_what_all_have_in_common() -> None:
    names = [f"lab-{number:05}" for number in range(5000)]

    found = candidates(TABLE, ["vim", "show"], "lab", lambda: {"vims": names})

    assert found is not None
    assert (len(found), found[0], found[-1]) == (1000, "lab-00000", "lab-04999")
