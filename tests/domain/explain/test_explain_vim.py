"""Each state of a VIM has its explanation: its claims are true of it, and its sentences are these."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.domain.explain.explained_states import (
    MONITOR_ID,
    NOW,
    VIM_ID,
    evidence_of,
    look,
    world,
    worlds,
)
from tests.simulation.explanations.claim_truth import require_truth
from tests.simulation.explanations.true_state import TrueMonitor, TrueTask, TrueWorld
from vimesh.domain.access.caller import Caller, CallerRole
from vimesh.domain.causes.causes import CommonCause
from vimesh.domain.conditions.conditions import Certificate, ConditionStatus, TimedCondition
from vimesh.domain.explain.claims import ClaimKind, Explanation, Facts, ForeseenKind
from vimesh.domain.explain.explain_vim import explain
from vimesh.domain.explain.phrases import length_phrase, moment_phrase
from vimesh.domain.explain.sentences import change_sentence, claim_sentence
from vimesh.domain.explain.vim_evidence import PastChange, RoundTotals, VimEvidence, evidence_for
from vimesh.domain.probing import Depth, ProbePolicy, Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import CauseKind, Engine, Status, VimMaintenance

_PROTO = Path(__file__).parents[3] / "protos/vimesh/v1/explanation.proto"
_VALUE = re.compile(r"  // ((?:[^\n]|\n    // )+)\n    ([A-Z_]+) = \d+;")
_FACT = re.compile(r"`([a-z_]+)`")
_S, _DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)
_NONE = (
    "No monitor of the pool is at the vantage default: only one outside the pool, such as one of an earlier release,"
    " could run"
)
_R, _U, _K = Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN


def explained(of_world: TrueWorld) -> Explanation:
    return explain(evidence_of(of_world), contact_within_s=5.0)


def test_each_state_is_explained_as_it_is() -> None:
    count = 0
    for one in worlds():
        explanation = explained(one)
        assert require_truth(explanation, one) > 3
        for text in (explanation.headline, *(each.sentence for each in explanation.claims)):
            assert re.fullmatch(r"[^{}]+[^.]\.", text), text
        for change in explanation.possible_changes:
            assert re.fullmatch(r"[A-Z0-9][^{}]+[^.]\.", change.sentence), change
        count += 1

    assert count > 200


def test_something_always_changes_the_status() -> None:
    for one in worlds():
        assert explained(one).possible_changes, one


_RUNNING = [TrueMonitor(MONITOR_ID, "default", NOW.timestamp() + 9)]
_START = TrueTask(TodoKind.START, look().action_id, NOW.timestamp() + 30, 3, "Mistral does not answer.")
_HEADLINES = {
    "answers": (world(look(_R)), "lab is REACHABLE since 11:57:00 UTC: its ping action reports that it answers."),
    "fails": (
        world(look(_U, "TIMEOUT")),
        (
            "lab is UNREACHABLE (TIMEOUT) since 11:57:00 UTC: its ping action reports that it does not"
            " answer as it should."
        ),
    ),
    "cannot tell": (
        world(look(_K, "LOCAL_NO_ROUTE")),
        "lab is UNKNOWN (LOCAL_NO_ROUTE) since 11:57:00 UTC: its ping action reports that it cannot tell.",
    ),
    "disputed": (
        world(look(_K, "DISPUTED")),
        "lab is UNKNOWN (DISPUTED) since 11:57:00 UTC: its observers see different things.",
    ),
    "new, with nobody to probe it": (
        world(look(heard=False)),
        (
            "lab is PENDING since 11:57:00 UTC: no report has arrived yet, and no monitor of the pool is"
            " alive at the vantage"
            " default."
        ),
    ),
    "new": (
        TrueWorld(world(look(heard=False)).vim, _RUNNING),
        "lab is PENDING since 11:57:00 UTC: no report has arrived yet.",
    ),
    "silent": (
        TrueWorld(world(look(_R, runs=False)).vim, _RUNNING),
        "lab is UNKNOWN (SILENT) since 11:57:00 UTC: reports have ceased.",
    ),
    "its engine is away": (
        TrueWorld(replace(world(look(heard=False), engine=Engine.MISTRAL).vim, tasks=[_START])),
        (
            "lab is PENDING since 11:57:00 UTC: no report has arrived yet, and its engine has not carried"
            " out a task for it."
        ),
    ),
    "agreed": (
        world(look(_U, "DNS", vantage="eu"), look(_U, "DNS", vantage="us")),
        "lab is UNREACHABLE (DNS) since 11:57:00 UTC: enough of its vantages do not reach it.",
    ),
    "disagreed": (
        world(look(_U, "DNS", vantage="eu"), look(_R, vantage="us")),
        "lab is UNKNOWN (DISPUTED) since 11:57:00 UTC: its vantages disagree, or too few can tell.",
    ),
}


@pytest.mark.parametrize("name", _HEADLINES)
def test_the_headline_says_it_in_one_sentence(name: str) -> None:
    of_world, sentence = _HEADLINES[name]

    assert explained(of_world).headline == sentence


_NEXT = {
    "answers": (
        TrueWorld(world(look(_R), policy=ProbePolicy(fail_for_s=60)).vim, _RUNNING),
        [
            "3 failed probes in a row, and failures for 60 s, make it UNREACHABLE.",
            "Without another contact, it reads UNKNOWN (SILENT) after 12:01:00 UTC.",
        ],
    ),
    "fails": (
        TrueWorld(world(look(_U, "REFUSED")).vim, _RUNNING),
        [
            (
                "2 answered probes in a row make it REACHABLE. A probe made now shows whether it answers."
                f" $ vimesh vim probe {VIM_ID}"
            ),
            "Without another contact, it reads UNKNOWN (SILENT) after 12:01:00 UTC.",
        ],
    ),
    "denied": (
        TrueWorld(world(look(_K, "LOCAL_DENIED")).vim, _RUNNING),
        [
            "Allow the address in the monitor's probe rules (probe.allow), or correct the auth_url.",
            (
                "1 answered probe makes it REACHABLE. A probe made now shows whether it answers."
                f" $ vimesh vim probe {VIM_ID}"
            ),
            "3 failed probes in a row make it UNREACHABLE.",
            "Without another contact, it reads UNKNOWN (SILENT) after 12:01:00 UTC.",
        ],
    ),
    "nobody probes it": (
        world(look(heard=False)),
        [
            "The next report of its ping action gives it a status.",
            "A monitor must be started: no monitor of the pool is alive at the vantage default. $ vimesh monitor",
            "Without a contact, the action is replaced by a new one after 12:01:00 UTC.",
        ],
    ),
    "an action of others is silent": (
        world(look(_R, runs=False), engine=Engine.EXTERNAL),
        [
            "The next report of its action, which another system runs, gives it the status that it says.",
            (
                "If nothing runs its action any more, move it to the engine EMBEDDED: monitors of vimesh then probe it,"
                f" if they can reach it. $ vimesh vim set {VIM_ID} --engine EMBEDDED"
            ),
        ],
    ),
    "its engine is away": (
        TrueWorld(replace(world(look(heard=False), engine=Engine.MISTRAL).vim, tasks=[_START])),
        [
            "The next report of its ping action gives it a status.",
            "The start can be tried by an api process from 12:00:30 UTC on.",
        ],
    ),
    "one vantage is not enough": (
        TrueWorld(
            world(
                look(_R, vantage="eu"),
                look(heard=False, runs=False, vantage="us"),
                policy=ProbePolicy(vantages=("eu", "us"), quorum=2),
            ).vim,
            [TrueMonitor(MONITOR_ID, "eu", NOW.timestamp() + 9)],
        ),
        [
            "It reads REACHABLE when at least one more vantage says so; which one may matter.",
            "It reads UNREACHABLE when at least 2 more vantages say so; which ones may matter.",
            "Without further reports of its vantages, the status does not hold after 12:01:00 UTC.",
            (
                "A monitor must be started: no monitor of the pool is alive at the vantage us. $ vimesh monitor"
                " --vantage us"
            ),
            "The silent action of the vantage us is replaced by a new one within seconds, or soon if many are silent.",
        ],
    ),
}


@pytest.mark.parametrize("name", _NEXT)
def test_what_would_change_it_is_said_with_what_to_type(name: str) -> None:
    of_world, sentences = _NEXT[name]

    changes = explained(of_world).possible_changes

    assert [f"{each.sentence}{f' $ {each.command}' if each.command else ''}" for each in changes] == sentences


_CLAIMS: list[tuple[ClaimKind, Facts, str]] = [
    (
        ClaimKind.STATUS,
        {
            "status": "UNREACHABLE",
            "status_time": NOW - 200 * _S,
            "age": 200 * _S,
            "basis": "REPORT",
            "detail": "no way.",
        },
        "It has been UNREACHABLE for 3 min, since 11:56:40 UTC, by the last report of its ping action: no way.",
    ),
    (ClaimKind.REASON, {"reason": "HTTP_503"}, "HTTP_503 means that its API answers with the HTTP status 503."),
    (
        ClaimKind.REASON,
        {"reason": "LOCAL_X"},
        "LOCAL_X means a fault of the monitor, or near it: the VIM is not accused.",
    ),
    (ClaimKind.REASON, {"reason": "ODD"}, "ODD is a word of its reporter, not one of vimesh."),
    (
        ClaimKind.QUORUM,
        {
            "quorum": 0,
            "needed": 2,
            "vantages": 4,
            "telling": 3,
            "reachable": 2,
            "unreachable": 1,
            "decision": "REACHABLE",
        },
        (
            "Most of those that can tell must agree: 2 of 3; 1 says UNREACHABLE, 2 say REACHABLE, 1 cannot tell:"
            " REACHABLE."
        ),
    ),
    (
        ClaimKind.QUORUM,
        {
            "quorum": 2,
            "needed": 2,
            "vantages": 2,
            "telling": 1,
            "reachable": 0,
            "unreachable": 1,
            "decision": "NO_QUORUM",
        },
        "2 of 2 vantages must agree; 1 says UNREACHABLE, 0 say REACHABLE, 1 cannot tell: NO_QUORUM.",
    ),
    (
        ClaimKind.VIEW,
        {
            "vantage": "eu",
            "status": "UNKNOWN",
            "reason": "SILENT",
            "status_time": NOW,
            "lease_phase": "ENDED",
            "lease_end": NOW,
        },
        "The vantage eu has said UNKNOWN (SILENT) since 12:00:00 UTC, because its lease ended at 12:00:00 UTC.",
    ),
    (
        ClaimKind.CAUSE,
        {"cause_kind": "NETWORK", "subject": "192.0.2.0/24", "start_time": NOW, "vim_count": 40, "affected_count": 1},
        (
            "It was lost with others that have the network 192.0.2.0/24 in common: 1 VIM is affected now, of 40 since"
            " 12:00:00 UTC."
        ),
    ),
    (
        ClaimKind.CONDITION,
        {
            "condition": "LoggedIn",
            "condition_status": "FALSE",
            "reason": "REJECTED",
            "message": "401.",
            "transition_time": NOW,
        },
        "The condition LoggedIn has been FALSE (REJECTED) since 12:00:00 UTC: 401.",
    ),
    (
        ClaimKind.CONDITION,
        {"condition": "Endpoint/compute", "condition_status": "TRUE", "transition_time": NOW},
        "The condition Endpoint/compute has been TRUE since 12:00:00 UTC.",
    ),
    (
        ClaimKind.CERTIFICATE,
        {"subject": "CN=a", "issuer": "CN=b", "not_after": NOW + 3 * _DAY, "expired": False, "verified": True},
        (
            "The certificate that it showed last (CN=a, issued by CN=b) is valid until 2026-10-04 12:00:00"
            " UTC, for 3 days"
            " more; it was verified."
        ),
    ),
    (
        ClaimKind.CERTIFICATE,
        {
            "subject": "CN=a",
            "issuer": "CN=b",
            "not_after": NOW,
            "expired": True,
            "verified": False,
            "verify_error": "no CA",
        },
        (
            "The certificate that it showed last (CN=a, issued by CN=b) expired at 12:00:00 UTC; it could not be"
            " verified: no CA."
        ),
    ),
    (
        ClaimKind.CERTIFICATE,
        {"subject": "CN=a", "issuer": "CN=b", "not_after": NOW - _S, "expired": True},
        (
            "The certificate that it showed last (CN=a, issued by CN=b) expired at 11:59:59 UTC; its name and issuer"
            " were not verified."
        ),
    ),
    (
        ClaimKind.MAINTENANCE,
        {"reason": "new switch", "end_time": NOW + dt.timedelta(days=1)},
        (
            "It is in maintenance (new switch) until 2026-10-02 12:00:00 UTC: that keeps notifications"
            " back, and does not"
            " change the status."
        ),
    ),
    (
        ClaimKind.FLAPPING,
        {"flapping": True},
        "It flaps: it was lost and found too often of late. That damps notifications, and does not change the status.",
    ),
    (
        ClaimKind.LEASE,
        {"lease_phase": "RUNNING", "lease_end": NOW + 15 * _S, "contact_time": NOW, "contact_within": 5 * _S},
        (
            "The status holds until 12:00:15 UTC without another contact; the last one was recorded at"
            " 12:00:00 UTC. Ping"
            " actions are asked for a contact every 5 s."
        ),
    ),
    (
        ClaimKind.LEASE,
        {"lease_phase": "OVERDUE", "lease_end": NOW, "contact_within": 5 * _S},
        (
            "There is no lease: the first report of the action was expected by 12:00:00 UTC. Ping actions"
            " are asked for a"
            " contact every 5 s."
        ),
    ),
    (
        ClaimKind.ACTION,
        {"engine": "MISTRAL", "actions": 1, "state": "WAITING", "workflow_name": "vim_id_1", "last_error": "no login."},
        (
            "Its ping action is run by the engine MISTRAL (a Mistral workflow named vim_id_1); it has not"
            " been started by its"
            " engine yet; its engine says: no login."
        ),
    ),
    (
        ClaimKind.ACTION,
        {"engine": "EMBEDDED", "actions": 2, "state": "RUNNING"},
        "It has 2 ping actions (EMBEDDED), one for each vantage; the best off has made contact within its lease.",
    ),
    (ClaimKind.MONITOR, {"vantage": "default", "alive": False, "draining": False}, f"{_NONE} the action."),
    (
        ClaimKind.MONITOR,
        {
            "vantage": "eu",
            "monitor_id": "m1",
            "alive": False,
            "vantage_alive": True,
            "draining": True,
            "lease_end": NOW,
            "monitors": 2,
            "living_monitors": 1,
        },
        (
            "At the vantage eu, the monitor m1 has the VIM by assignment; it is not alive: its lease ended"
            " at 12:00:00 UTC, and"
            " another one takes over, and drains. Of 2 monitors there, 1 is alive."
        ),
    ),
    (
        ClaimKind.TASK,
        {
            "task": "START",
            "wanted": True,
            "attempts": 1,
            "error": "401.",
            "due_time": NOW,
            "claimed": False,
            "age": 7300 * _S,
        },
        "The engine has had to start the wanted action for 2 h (begun 1 time; due at 12:00:00 UTC): 401.",
    ),
    (
        ClaimKind.POLICY,
        {
            "method": "PING",
            "interval": 10 * _S,
            "timeout": 0.5 * _S,
            "depth": "LOGIN",
            "fall": 3,
            "rise": 1,
            "fail_for": 60 * _S,
            "tls_verify": False,
            "engine": "EMBEDDED",
        },
        (
            "Every 10 s, a round of probes pings the host of the auth_url, waiting 0.5 s for each answer."
            " UNREACHABLE takes 3 failed probes in a row for 60 s, and REACHABLE again 1 answered probe."
            " Whether its API is ready and lets its user in is looked at, too: that is told as conditions."
        ),
    ),
    (
        ClaimKind.ROUNDS,
        {
            "window": 900 * _S,
            "rounds": 60,
            "answered": 57,
            "lost": 11,
            "last_time": NOW,
            "min_round_trip": 0.0012 * _S,
            "mean_round_trip": 0.002 * _S,
            "max_round_trip": 0.01 * _S,
        },
        (
            "In the last 15 min, 60 rounds of probes were recorded, 57 of them answered, 11 probes lost;"
            " round trips 1.2 ms to"
            " 10 ms, mean 2 ms; the newest record is of the minute until 12:00:00 UTC."
        ),
    ),
    (
        ClaimKind.STATUS_CHANGE,
        {
            "revision": 7,
            "time": NOW - dt.timedelta(days=3),
            "status": "UNREACHABLE",
            "previous_status": "REACHABLE",
            "reason": "DNS",
        },
        "At 2026-09-28 12:00:00 UTC, it went from REACHABLE to UNREACHABLE (DNS).",
    ),
]


@pytest.mark.parametrize(("kind", "facts", "sentence"), _CLAIMS)
def test_a_sentence_is_made_of_the_facts(kind: ClaimKind, facts: Facts, sentence: str) -> None:
    assert claim_sentence(kind, facts, NOW) == sentence


def test_each_kind_of_claim_has_a_sentence_here() -> None:
    assert {kind for kind, _, _ in _CLAIMS} == set(ClaimKind)


def test_a_second_monitor_is_asked_first() -> None:
    facts: Facts = {"failures_needed": 1, "second_opinion": True}

    sentence = change_sentence(ForeseenKind.FAILURE, facts, NOW, _U, None)

    assert sentence == "1 failed probe in a row makes it UNREACHABLE, unless another monitor reaches it."


def test_the_contract_describes_every_fact() -> None:
    _, claims, changes = _PROTO.read_text().split("enum Kind {")
    described: dict[str, set[str]] = {
        **{
            ClaimKind(name): set(_FACT.findall(text)) for text, name in _VALUE.findall(claims) if name in set(ClaimKind)
        },
        **{
            ForeseenKind(name): set(_FACT.findall(text))
            for text, name in _VALUE.findall(changes)
            if name in set(ForeseenKind)
        },
    }
    assert described.keys() == {*ClaimKind, *ForeseenKind}

    for evidence in (*map(evidence_of, worlds()), _seen_deeper()):
        explanation = explain(evidence, contact_within_s=5.0)
        facts = [(claim.kind, claim.facts) for claim in explanation.claims]
        for kind, names in [*facts, *((change.kind, change.facts) for change in explanation.possible_changes)]:
            assert names.keys() <= described[kind], kind


def _seen_deeper() -> VimEvidence:
    """Return what is known of a VIM with each thing that a VIM can have."""
    evidence = evidence_of(world(look(_U, "TLS"), policy=ProbePolicy(depth=Depth.LOGIN, fail_for_s=9.0)))
    conditions = tuple(
        TimedCondition(type_, ConditionStatus.FALSE, "EXPIRED", "it ended", NOW)
        for type_ in ("CertificateValid", "Reachable", "ServiceReady")
    )
    certificate = Certificate(
        "CN=a", "CN=b", (), NOW - _DAY, NOW - _S, "ab" * 32, (), verified=False, verify_error="no CA"
    )
    vim = replace(
        evidence.vim,
        conditions=conditions,
        certificate=certificate,
        flapping=True,
        maintenance=VimMaintenance("w", "new switch", NOW + _DAY),
    )
    return replace(
        evidence,
        vim=vim,
        cause=CommonCause("c", CauseKind.NETWORK, "192.0.2.0/24", "", "TLS", NOW, None, 4, 3, 9),
        rounds=RoundTotals(9, 3, 20, 0.3, 0.01, 0.2, NOW),
        changes=[PastChange(7, NOW, _U, _R, "TLS")],
    )


def test_what_is_seen_deeper_is_told_and_accuses_nobody() -> None:
    explanation = explain(_seen_deeper(), contact_within_s=5.0)

    told = [claim.facts["condition"] for claim in explanation.claims if claim.kind is ClaimKind.CONDITION]
    assert told == ["CertificateValid", "ServiceReady"]
    [certificate] = [claim for claim in explanation.claims if claim.kind is ClaimKind.CERTIFICATE]
    assert certificate.facts["expired"] is True
    kinds = [claim.kind for claim in explanation.claims]
    assert set(ClaimKind) - set(kinds) == {ClaimKind.QUORUM, ClaimKind.VIEW, ClaimKind.TASK}


def test_callers_are_not_told_what_is_not_theirs() -> None:
    error = f"execution {_START.action_id} does not exist"
    tasks = [replace(_START, error=error)]
    of_world = TrueWorld(replace(world(look(heard=False), engine=Engine.MISTRAL).vim, tasks=tasks))
    evidence = evidence_of(of_world)
    evidence = replace(evidence, vim=replace(evidence.vim, monitor=replace(evidence.vim.monitor, last_error=error)))
    reader = Caller("", frozenset({CallerRole.READER}), frozenset({"default"}), frozenset())

    assert _START.action_id in str(explain(evidence, contact_within_s=5))
    assert _START.action_id not in str(explain(evidence_for(evidence, reader), contact_within_s=5))

    of_pool = evidence_of(TrueWorld(world(look(_R)).vim, _RUNNING))
    [told] = [
        each for each in explain(evidence_for(of_pool, reader), contact_within_s=5).claims if each.kind == "MONITOR"
    ]
    assert told.facts["alive"] is True
    assert told.facts.keys().isdisjoint({"monitors", "living_monitors"})


def test_times_are_said_as_people_read_them() -> None:
    assert moment_phrase(NOW.astimezone(dt.timezone(dt.timedelta(hours=9))), NOW) == "12:00:00 UTC"
    assert [length_phrase(dt.timedelta(seconds=length)) for length in (-1, 0.9, 1.9, 119, 120, 7200, 172800)] == [
        *("less than 1 s", "less than 1 s", "1 s", "119 s", "2 min", "2 h", "2 days"),
    ]


def test_a_local_fault_never_reads_as_the_vim_being_down() -> None:
    """G12."""
    for one in worlds():
        explanation = explained(one)
        faults = {str(each.facts["fault"]) for each in explanation.claims if each.kind is ClaimKind.REASON}
        if explanation.status is Status.UNREACHABLE:
            assert faults <= {"VIM", "OTHER"}
        if explanation.reason.startswith("LOCAL_") or explanation.reason == Reason.SILENT:
            assert "VIM" not in faults
