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
    "projects": ["core", "edge"],
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
        ("vim show --project ", ["core", "edge"]),
        ("vim list --project=e", ["--project=edge"]),
        ("vim list -c NA", ["NAME"]),
        ("vim list --column ma", ["MAINTENANCE"]),
        ("vim list --sort-by S", ["STATUS", "SINCE"]),
        ("causes list -c KI", ["KIND"]),
        ("vim list --filter stat", ["status", "status_time"]),
        ("vim list --filter=stat", ["--filter=status", "--filter=status_time"]),
        ("vim list --filter status=UNR", ["status=UNREACHABLE"]),
        ("vim watch --filter labels.region!=", ["labels.region!=ap", "labels.region!=eu"]),
        ("no-such-command ", []),
        ("apply -f ", None),
    ],
)
def test_a_word_is_completed_by_where_it_stands(line: str, expected: list[str] | None) -> None:
    assert completed(line) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("typ", ["type=", "type!="]),
        ("engine", ["engine=", "engine!="]),
        ("create_time ", [f"create_time {operator}" for operator in ("=", "!=", "<", "<=", ">", ">=")]),
        ("type !", ["type !="]),
        ("status = rea", ["status = REACHABLE"]),
        ("status=REACHABLE ", ["status=REACHABLE AND", "status=REACHABLE OR"]),
        ("status=REACHABLE A", ["status=REACHABLE AND"]),
        ("NOT (name=fa", ["NOT (name=faro"]),
        ('(name = "lab*" OR -labels.re', [f'(name = "lab*" OR -labels.region{end}' for end in ("=", "!=", ":")]),
        (
            "auth_url:http://a:5000 AND project_id=",
            [f"auth_url:http://a:5000 AND project_id={each}" for each in ("core", "edge")],
        ),
        ("labels.r", ["labels.region", "labels.role"]),
        ("lab", ["labels."]),
        ("nothing", []),
        ("nothing =", []),
        ("status=REACHABLE what ", []),
        ('name="fa', []),
    ],
)
def test_a_filter_is_completed_at_its_end(text: str, expected: list[str]) -> None:
    assert candidates(TABLE, ["vim", "list", "--filter"], text, lambda: ANSWERS) == expected


def test_what_is_no_filter_is_read_once() -> None:
    for text in ('"' * 9_999, "(" * 9_999, "a=" + '"\\' * 3_000, "a=b AND " * 1_000, "-" * 20_000):
        assert candidates(TABLE, ["vim", "list", "--filter"], text, lambda: ANSWERS) is not None


@pytest.mark.parametrize(
    "line", ["vim ", "vim show --", "vim list -o ", "vim list -c ", "vim list --filter status=", "apply -f "]
)
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
