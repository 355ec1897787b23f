"""Makes sentences for people of the facts of claims: the only place that does.

A sentence says what the facts say, and nothing else. Facts that have no value are absent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from vimesh.domain.explain.claims import Basis, ClaimKind, Facts, ForeseenKind, LeasePhase
from vimesh.domain.explain.phrases import count_phrase, exact_phrase, length_phrase, moment_phrase, trip_phrase
from vimesh.domain.explain.reason_phrases import meaning_of, remedy_for
from vimesh.domain.probing import Depth, Method, Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, MonitorState, Status

# Facts are of several types, and each kind of claim knows those of its own: the contract has a list.
_Of = Mapping[str, Any]
_Sentence = Callable[[_Of, dt.datetime], str]

_METHODS: Final = {
    Method.PING: "pings the host of the auth_url",
    Method.TCP: "opens a TCP connection to the host and port of the auth_url",
    Method.HTTP: "sends a GET request for the auth_url, of which any status below 500 counts as answered",
}
_DEEPER: Final = {
    Depth.SERVICE: " Whether its API is ready is looked at, too: that is told as conditions.",
    Depth.LOGIN: " Whether its API is ready and lets its user in is looked at, too: that is told as conditions.",
}
_STATES: Final = {
    MonitorState.STARTING: "has not reported yet",
    MonitorState.RUNNING: "has made contact within its lease",
    MonitorState.WAITING: "has not been started by its engine yet",
    MonitorState.SILENT: "has not made contact within its time",
}
_RUNNERS: Final = {
    Engine.EMBEDDED: "a vimesh monitor",
    Engine.MISTRAL: "a Mistral workflow",
    Engine.EXTERNAL: "another system, which vimesh cannot start",
}


def claim_sentence(kind: ClaimKind, facts: Facts, as_of: dt.datetime) -> str:
    """Return the sentence of a claim. `as_of`: when it is true."""
    return _CLAIMS[kind](facts, as_of)


def change_sentence(
    kind: ForeseenKind, facts: Facts, as_of: dt.datetime, status: Status | None, time: dt.datetime | None
) -> str:
    """Return the sentence of what would change the status. `time`: when it comes by itself."""
    return _CHANGES[kind]({**facts, "to": status, "at": time}, as_of)


def headline(name: str, status: _Of, as_of: dt.datetime, *, duty: _Of | None, task: _Of | None) -> str:
    """Return the explanation in one sentence.

    `status`: the facts of the claim STATUS; `duty`, `task`: of the MONITOR and the TASK that keep reports away, if any.
    """
    reason = f" ({status['reason']})" if "reason" in status else ""
    since = f"since {moment_phrase(status['status_time'], as_of)}"
    beginning = f"{name} is {status['status']}{reason} {since}: "
    basis = status["basis"]
    if basis in {Basis.NOTHING, Basis.SILENCE}:
        silent = "no report has arrived yet" if basis == Basis.NOTHING else "reports have ceased"
        why = ""
        if task is not None:
            why = ", and its engine has not carried out a task for it"
        elif duty is not None:
            why = f", and no monitor of the pool is alive at the vantage {duty['vantage']}"
        return f"{beginning}{silent}{why}."
    if basis == Basis.VIEWS:
        return f"{beginning}{_OF_VIEWS[status['status']]}."
    return f"{beginning}{_of_report(status)}."


_OF_VIEWS: Final = {
    Status.PENDING: "none of its vantages has reported yet",
    Status.REACHABLE: "enough of its vantages reach it",
    Status.UNREACHABLE: "enough of its vantages do not reach it",
    Status.UNKNOWN: "its vantages disagree, or too few can tell",
}


def _of_report(status: _Of) -> str:
    if status["status"] == Status.REACHABLE:
        return "its ping action reports that it answers"
    if status["status"] == Status.UNREACHABLE:
        return "its ping action reports that it does not answer as it should"
    if status.get("reason") == Reason.DISPUTED:
        return "its observers see different things"
    return "its ping action reports that it cannot tell"


def _status(facts: _Of, as_of: dt.datetime) -> str:
    sentence = f"It has been {facts['status']} for {length_phrase(facts['age'])}"
    sentence += f", since {moment_phrase(facts['status_time'], as_of)}"
    sentence += {
        Basis.REPORT: ", by the last report of its ping action",
        Basis.SILENCE: ", because reports have ceased",
        Basis.NOTHING: ", because no report has arrived",
        Basis.VIEWS: ", by what its vantages say",
    }[facts["basis"]]
    return f"{sentence}: {_without_end(facts['detail'])}." if "detail" in facts else f"{sentence}."


def _reason(facts: _Of, _: dt.datetime) -> str:
    return meaning_of(facts["reason"])


def _quorum(facts: _Of, _: dt.datetime) -> str:
    rule = (
        f"{facts['needed']} of {facts['vantages']} vantages must agree"
        if facts["quorum"]
        else f"Most of those that can tell must agree: {facts['needed']} of {facts['telling']}"
        if facts["telling"]
        else "Most of those that can tell must agree, and none can"
    )
    says = [
        f"{_saying(facts[key])} {word}" for key, word in (("unreachable", "UNREACHABLE"), ("reachable", "REACHABLE"))
    ]
    unsure = facts["vantages"] - facts["telling"]
    return f"{rule}; {', '.join(says)}, {unsure} cannot tell: {facts['decision']}."


def _saying(count: int) -> str:
    return f"{count} says" if count == 1 else f"{count} say"


def _view(facts: _Of, as_of: dt.datetime) -> str:
    reason = f" ({facts['reason']})" if "reason" in facts else ""
    sentence = f"The vantage {facts['vantage']} has said {facts['status']}{reason}"
    sentence += f" since {moment_phrase(facts['status_time'], as_of)}"
    until = moment_phrase(facts["lease_end"], as_of)
    sentence += {
        LeasePhase.RUNNING: f", which holds until {until}",
        LeasePhase.ENDED: f", because its lease ended at {until}",
        LeasePhase.STARTING: f"; its action has until {until} for its first report",
        LeasePhase.OVERDUE: f"; its action should have reported by {until}",
    }[facts["lease_phase"]]
    return f"{sentence}: {_without_end(facts['detail'])}." if "detail" in facts else f"{sentence}."


def _condition(facts: _Of, as_of: dt.datetime) -> str:
    reason = f" ({facts['reason']})" if "reason" in facts else ""
    since = moment_phrase(facts["transition_time"], as_of)
    sentence = f"The condition {facts['condition']} has been {facts['condition_status']}{reason} since {since}"
    return f"{sentence}: {_without_end(facts['message'])}." if "message" in facts else f"{sentence}."


def _certificate(facts: _Of, as_of: dt.datetime) -> str:
    end = moment_phrase(facts["not_after"], as_of)
    length = length_phrase(facts["not_after"] - as_of)
    life = f"expired at {end}" if facts["expired"] else f"is valid until {end}, for {length} more"
    if facts.get("not_before", as_of) > as_of:
        life = f"is not valid before {moment_phrase(facts['not_before'], as_of)}"
    if "verified" not in facts:
        verdict = "its name and issuer were not verified"
    elif facts["verified"]:
        verdict = "it was verified"
    else:
        why = f": {_without_end(facts['verify_error'])}" if "verify_error" in facts else ""
        verdict = f"it could not be verified{why}"
    return f"The certificate that it showed last ({facts['subject']}, issued by {facts['issuer']}) {life}; {verdict}."


def _cause(facts: _Of, as_of: dt.datetime) -> str:
    others = count_phrase(facts["affected_count"], "VIM is", "VIMs are")
    kind = str(facts["cause_kind"]).lower()
    started = moment_phrase(facts["start_time"], as_of)
    return (
        f"It was lost with others that have the {kind} {facts['subject']} in common: {others} affected now,"
        f" of {facts['vim_count']} since {started}."
    )


def _maintenance(facts: _Of, as_of: dt.datetime) -> str:
    why = f" ({facts['reason']})" if "reason" in facts else ""
    until = moment_phrase(facts["end_time"], as_of)
    return f"It is in maintenance{why} until {until}: that keeps notifications back, and does not change the status."


def _flapping(_: _Of, __: dt.datetime) -> str:
    return (
        "It flaps: it was lost and found too often of late. That damps notifications, and does not change the status."
    )


def _lease(facts: _Of, as_of: dt.datetime) -> str:
    end = moment_phrase(facts["lease_end"], as_of)
    pace = f" Ping actions are asked for a contact every {exact_phrase(facts['contact_within'])}."
    phase = facts["lease_phase"]
    if phase == LeasePhase.RUNNING:
        return f"The status holds until {end} without another contact; the last one was {_contact(facts, as_of)}.{pace}"
    if phase == LeasePhase.ENDED:
        return f"The lease ended at {end}; the last contact was {_contact(facts, as_of)}.{pace}"
    first = f"the first report of the action is expected by {end}"
    if phase == LeasePhase.STARTING:
        return f"There is no lease yet: {first}.{pace}"
    return f"There is no lease: the first report of the action was expected by {end}.{pace}"


def _contact(facts: _Of, as_of: dt.datetime) -> str:
    return f"recorded at {moment_phrase(facts['contact_time'], as_of)}" if "contact_time" in facts else "not recorded"


def _action(facts: _Of, _: dt.datetime) -> str:
    engine, state = facts["engine"], _STATES[facts["state"]]
    where = _RUNNERS[engine]
    if "workflow_name" in facts:
        where += f" named {facts['workflow_name']}"
    if facts["actions"] == 1:
        sentence = f"Its ping action is run by the engine {engine} ({where}); it {state}"
    else:
        sentence = f"It has {facts['actions']} ping actions ({engine}), one for each vantage; the best off {state}"
    if "last_error" in facts:
        return f"{sentence}; its engine says: {_without_end(facts['last_error'])}."
    return f"{sentence}."


def _monitor(facts: _Of, as_of: dt.datetime) -> str:
    vantage = facts["vantage"]
    if "monitor_id" not in facts:
        return (
            f"No monitor of the pool is at the vantage {vantage}: only one outside the pool, such as one of an"
            " earlier release, could run the action."
        )
    end = moment_phrase(facts["lease_end"], as_of)
    life = f"is alive (its lease runs until {end})" if facts["alive"] else f"is not alive: its lease ended at {end}"
    if facts["vantage_alive"] and not facts["alive"]:
        life += ", and another one takes over"
    drains = ", and drains" if facts["draining"] else ""
    sentence = (
        f"At the vantage {vantage}, the monitor {facts['monitor_id']} has the VIM by assignment; it {life}{drains}"
    )
    if "monitors" in facts:
        living = count_phrase(facts["living_monitors"], "is alive", "are alive")
        return f"{sentence}. Of {count_phrase(facts['monitors'], 'monitor')} there, {living}."
    return f"{sentence}."


def _task(facts: _Of, as_of: dt.datetime) -> str:
    what = "start the wanted action" if facts["task"] == TodoKind.START else "stop an action that is not wanted"
    if not facts["wanted"]:
        what = "drop the start of an action that is not wanted any more"
    sentence = f"The engine still has to {what}"
    if "age" in facts:
        sentence = f"The engine has had to {what} for {length_phrase(facts['age'])}"
    due = moment_phrase(facts["due_time"], as_of)
    tries = f"begun {count_phrase(facts['attempts'], 'time')}" if facts["attempts"] else "not begun yet"
    state = f"an api process works on it until {due}" if facts["claimed"] else f"due at {due}"
    sentence += f" ({tries}; {state})"
    return f"{sentence}: {_without_end(facts['error'])}." if "error" in facts else f"{sentence}."


def _policy(facts: _Of, _: dt.datetime) -> str:
    who = "Its policy asks its reporter for this: every" if facts["engine"] == Engine.EXTERNAL else "Every"
    fall, rise = _in_a_row(facts["fall"], "failed probe"), _in_a_row(facts["rise"], "answered probe")
    lasting = f" for {exact_phrase(facts['fail_for'])}" if "fail_for" in facts else ""
    verified = ", and verifies its certificate" if facts.get("tls_verify") else ""
    deeper = _DEEPER.get(facts["depth"], "")
    return (
        f"{who} {exact_phrase(facts['interval'])}, a round of probes {_METHODS[facts['method']]}{verified}, waiting"
        f" {exact_phrase(facts['timeout'])} for each answer. UNREACHABLE takes {fall}{lasting}, and REACHABLE again"
        f" {rise}.{deeper}"
    )


def _in_a_row(count: int, noun: str) -> str:
    return count_phrase(count, noun) if count == 1 else f"{count_phrase(count, noun)} in a row"


def _rounds(facts: _Of, as_of: dt.datetime) -> str:
    sentence = (
        f"In the last {length_phrase(facts['window'])}, {count_phrase(facts['rounds'], 'round')} of probes were"
        f" recorded, {facts['answered']} of them answered, {count_phrase(facts['lost'], 'probe')} lost"
    )
    if "mean_round_trip" in facts:
        sentence += (
            f"; round trips {trip_phrase(facts['min_round_trip'])} to {trip_phrase(facts['max_round_trip'])}, mean"
            f" {trip_phrase(facts['mean_round_trip'])}"
        )
    return f"{sentence}; the newest record is of the minute until {moment_phrase(facts['last_time'], as_of)}."


def _status_change(facts: _Of, as_of: dt.datetime) -> str:
    reason = f" ({facts['reason']})" if "reason" in facts else ""
    time = moment_phrase(facts["time"], as_of)
    return f"At {time}, it went from {facts['previous_status']} to {facts['status']}{reason}."


def _answer(facts: _Of, _: dt.datetime) -> str:
    count = facts["answers_needed"]
    makes = "makes" if count == 1 else "in a row make"
    return f"{count_phrase(count, 'answered probe')} {makes} it REACHABLE. A probe made now shows whether it answers."


def _failure(facts: _Of, _: dt.datetime) -> str:
    sentence = f"{count_phrase(facts['failures_needed'], 'failed probe')} in a row"
    if "fail_for" in facts:
        sentence += f", and failures for {exact_phrase(facts['fail_for'])},"
    makes = "makes" if facts["failures_needed"] == 1 and "fail_for" not in facts else "make"
    sentence += f" {makes} it UNREACHABLE"
    if "second_opinion" not in facts:
        return f"{sentence}, unless another monitor, if there is one, reaches it."
    return f"{sentence}, unless another monitor reaches it." if facts["second_opinion"] else f"{sentence}."


def _silence(facts: _Of, as_of: dt.datetime) -> str:
    at = moment_phrase(facts["at"], as_of)
    if facts["views"]:
        return f"Without further reports of its vantages, the status does not hold after {at}."
    return f"Without another contact, it reads UNKNOWN (SILENT) after {at}."


def _report(facts: _Of, _: dt.datetime) -> str:
    if facts["engine"] == Engine.EXTERNAL:
        return "The next report of its action, which another system runs, gives it the status that it says."
    return "The next report of its ping action gives it a status."


def _agreement(facts: _Of, _: dt.datetime) -> str:
    needed = facts["vantages_needed"]
    if needed == 1:
        return f"It reads {facts['to']} when at least one more vantage says so; which one may matter."
    return f"It reads {facts['to']} when at least {needed} more vantages say so; which ones may matter."


def _replacement(facts: _Of, as_of: dt.datetime) -> str:
    whose = f"of the vantage {facts['vantage']} " if "vantage" in facts else ""
    if facts["overdue"]:
        return f"The silent action {whose}is replaced by a new one within seconds, or soon if many are silent."
    return f"Without a contact, the action {whose}is replaced by a new one after {moment_phrase(facts['at'], as_of)}."


def _monitor_start(facts: _Of, _: dt.datetime) -> str:
    return f"A monitor must be started: no monitor of the pool is alive at the vantage {facts['vantage']}."


def _task_retry(facts: _Of, as_of: dt.datetime) -> str:
    what = "start" if facts["task"] == TodoKind.START else "stop of the action before it"
    at = moment_phrase(facts["at"], as_of)
    if facts["claimed"]:
        return f"An api process works on the {what}, or on a task before it, until {at}; after that, another one can."
    return f"The {what} can be tried by an api process from {at} on."


def _engine_change(facts: _Of, _: dt.datetime) -> str:
    return (
        f"If nothing runs its action any more, move it to the engine {facts['engine']}: monitors of vimesh then probe"
        " it, if they can reach it."
    )


def _local_remedy(facts: _Of, _: dt.datetime) -> str:
    return remedy_for(facts["reason"])


def _without_end(text: str) -> str:
    return text.rstrip(".")


_CLAIMS: Final[Mapping[ClaimKind, _Sentence]] = {
    ClaimKind.STATUS: _status,
    ClaimKind.REASON: _reason,
    ClaimKind.QUORUM: _quorum,
    ClaimKind.VIEW: _view,
    ClaimKind.CONDITION: _condition,
    ClaimKind.CERTIFICATE: _certificate,
    ClaimKind.CAUSE: _cause,
    ClaimKind.MAINTENANCE: _maintenance,
    ClaimKind.FLAPPING: _flapping,
    ClaimKind.LEASE: _lease,
    ClaimKind.ACTION: _action,
    ClaimKind.MONITOR: _monitor,
    ClaimKind.TASK: _task,
    ClaimKind.POLICY: _policy,
    ClaimKind.ROUNDS: _rounds,
    ClaimKind.STATUS_CHANGE: _status_change,
}
_CHANGES: Final[Mapping[ForeseenKind, _Sentence]] = {
    ForeseenKind.ANSWER: _answer,
    ForeseenKind.FAILURE: _failure,
    ForeseenKind.SILENCE: _silence,
    ForeseenKind.REPORT: _report,
    ForeseenKind.AGREEMENT: _agreement,
    ForeseenKind.REPLACEMENT: _replacement,
    ForeseenKind.MONITOR_START: _monitor_start,
    ForeseenKind.TASK_RETRY: _task_retry,
    ForeseenKind.ENGINE_CHANGE: _engine_change,
    ForeseenKind.LOCAL_REMEDY: _local_remedy,
}
