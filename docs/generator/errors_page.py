"""Writes the page of all reasons of errors: with which status each comes, what it means, and whether to try again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import grpc

from docs.generator.markdown_text import table
from vimesh.wire.error_statuses import STATUS

_INTRODUCTION = """# Errors

A call that fails has a gRPC status with a `google.rpc.ErrorInfo` of the domain `vimesh.v1`. Its `reason` says what is
wrong, in one word for programs; its `metadata` has the facts of the message. JSON callers get the same as the body,
with the HTTP status of the table; [Tacker's REST](../using/tacker-rest.md) has errors of its own. [The
contract](contract.md) says which RPC fails with which of them.

| detail | with |
|---|---|
| `ErrorInfo` | every reason below |
| `BadRequest` | `BAD_INPUT`: up to 16 fields with what is wrong |
| `QuotaFailure` | `QUOTA_EXCEEDED`, `CHANGE_RATE_EXCEEDED` |
| `RetryInfo` | `STORE_UNAVAILABLE`, `OVERLOADED`, `CHANGE_RATE_EXCEEDED`: how long to wait before trying again |

A status without an `ErrorInfo` comes from gRPC or the front: `UNAVAILABLE` and `INTERNAL`, the connection broke, and
what the call did is not known; `DEADLINE_EXCEEDED`, there was no answer in time, and it is not known either;
`UNIMPLEMENTED` and `NOT_FOUND`, there is no such method or path. Headers that are too large are `RESOURCE_EXHAUSTED`,
HTTP 431, with `BAD_INPUT`.
"""
HTTP_STATUSES: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
}
"""Those of google.rpc.Code, as Envoy's transcoder has them."""
STATUSES_BY_REASON: Final = {
    **{reason: status for status, reason in STATUS.values()},
    "INTERNAL": grpc.StatusCode.INTERNAL,
    # What a secured front refuses by itself.
    "IDENTITY_MISSING": grpc.StatusCode.UNAUTHENTICATED,
    "TOKEN_INVALID": grpc.StatusCode.UNAUTHENTICATED,
    "ROLE_MISSING": grpc.StatusCode.PERMISSION_DENIED,
}
_SAME = "No: the answer stays the same."


@dataclass(frozen=True, slots=True)
class Advice:
    means: str
    retry: str


ADVICE: Final = {
    "BAD_INPUT": Advice("A field breaks its rule, or the request cannot be read.", "No: change the request."),
    "IDENTITY_REQUIRED": Advice(
        "A conductor does not know who calls, and the fleet requires that.", "No: show a certificate or a token."
    ),
    "IDENTITY_MISSING": Advice(
        "The front was shown neither a certificate of the fleet's trust domains nor a token.",
        "No: show one; `vimesh login` or `vimesh certs issue` makes it.",
    ),
    "TOKEN_INVALID": Advice("The bearer token is forged, expired, or for another fleet.", "With a new token."),
    "ROLE_MISSING": Advice(
        "No role of the caller allows the call.", "No: `vimesh whoami` shows what the caller may do."
    ),
    "PERMISSION_DENIED": Advice(
        "The caller has a role for the call, and may not do this with it: a project or an engine is not its own.",
        "No: `vimesh whoami` shows what the caller may do.",
    ),
    "VIM_NOT_FOUND": Advice("The VIM does not exist for the caller, or was deregistered.", _SAME),
    "WINDOW_NOT_FOUND": Advice("The maintenance window does not exist for the caller.", _SAME),
    "RECEIVER_NOT_FOUND": Advice("The receiver does not exist for the caller.", _SAME),
    "NOTIFICATION_NOT_FOUND": Advice("No notification on record, and visible to the caller, has the id.", _SAME),
    "MONITOR_NOT_FOUND": Advice("No monitor of the pool has the id.", "After `vimesh monitors list`."),
    "CAUSE_NOT_FOUND": Advice("The cause does not exist for the caller, or is not kept any more.", _SAME),
    "TASK_NOT_FOUND": Advice("The task is done, or another driver has claimed it since.", "No: claim the next task."),
    "NAME_TAKEN": Advice("Another VIM of the project has the name.", "With another name."),
    "RECEIVER_NAME_TAKEN": Advice("Another receiver of the project has the name.", "With another name."),
    "DEFAULT_TAKEN": Advice("The project has a default VIM.", "After the other one is no longer the default."),
    "VIM_ID_TAKEN": Advice("A VIM with the requested id exists.", "With another id, or none."),
    "REQUEST_ID_REUSED": Advice("An earlier request with other content had the request id.", "With a new request id."),
    "ETAG_MISMATCH": Advice("What was to be changed has changed since it was read.", "After reading it again."),
    "NOT_IN_APPLY_SET": Advice(
        "The VIM does not belong to the apply set: somebody else has registered it, or another set has it.",
        "With `adopt`, if it should belong to the set.",
    ),
    "APPLY_CONFLICT": Advice(
        "Others have set fields of the VIM to other values.",
        "Without the `fields`, with their values, or with `force`.",
    ),
    "CLAIM_LOST": Advice("Another notifier works for the receiver.", "No: forget the receiver."),
    "RECEIVER_DISABLED": Advice("The receiver is disabled, so nothing is sent to it.", "After enabling it."),
    "REVISION_COMPACTED": Advice("The changes since the revision are no longer kept.", "With a snapshot."),
    "REVISION_UNKNOWN": Advice(
        "The revision lies in the future, or is of another log, as after a restored backup.", "With a snapshot."
    ),
    "ASSIGNMENT_CHANGED": Advice("The monitor has other actions than when it watched last.", "With the list."),
    "TIME_NOT_KEPT": Advice(
        "The changes since the time are no longer kept, or cannot be undone.", "With a later time: `earliest_time`."
    ),
    "EVENT_UNREADABLE": Advice(
        "A newer version wrote a change that this conductor cannot read.", "At once: another conductor may answer."
    ),
    "ENGINE_NOT_SERVED": Advice("The fleet does not run the engine.", "With another engine."),
    "OLDER_CONDUCTORS": Advice(
        "Conductors of an earlier release run, which cannot read vantages, quorums, depths or conditions.",
        "After upgrading or stopping those that `vimesh status` names.",
    ),
    "PROBED_ELSEWHERE": Advice(
        "The monitors of the fleet do not probe the VIM, because its engine is not `EMBEDDED`.", "No: read its status."
    ),
    "LOGIN_NOT_WANTED": Advice(
        "The depth of the VIM's probe policy is not `LOGIN`, so nobody gets its credentials.",
        "After setting the depth.",
    ),
    "INSECURE_FLEET": Advice(
        "The fleet does not authenticate callers, so it hands out no credentials.", "In a fleet with certificates."
    ),
    "CREDENTIALS_UNREADABLE": Advice(
        "The key that encrypted the credentials of the VIM is lost.", "After entering the credentials again."
    ),
    "NO_MONITOR": Advice(
        "No live monitor can be asked for a probe by this conductor.", "At once: another conductor may know one."
    ),
    "MONITOR_SILENT": Advice(
        "The monitor that was asked for a probe did not answer in time.", "With a new deadline: another one may answer."
    ),
    "PROBE_RATE_EXCEEDED": Advice(
        "More probes of the project were asked for than there may be.", "After the delay in `RetryInfo`."
    ),
    "QUOTA_EXCEEDED": Advice("The project has as much as it may have.", "No: waiting does not help."),
    "CHANGE_RATE_EXCEEDED": Advice("The project is changed faster than it may be.", "After the delay in `RetryInfo`."),
    "TOO_MANY_WINDOWS": Advice("There are as many maintenance windows as may be open.", "After ending one."),
    "TOO_MANY_RECEIVERS": Advice("There are as many receivers as there may be.", "After deleting one."),
    "TOO_MANY_MONITORS": Advice("The pool has as many monitors as it may have.", "After stopping one."),
    "OVERLOADED": Advice(
        "More calls are under way than there is room for. Nothing was done.", "After the delay in `RetryInfo`."
    ),
    "STORE_UNAVAILABLE": Advice(
        "The database cannot be reached, or no conductor answers. What the call did is not known.",
        "After the delay in `RetryInfo`, if the RPC may be repeated.",
    ),
    "INTERNAL": Advice(
        "A defect of vimesh. The `error_id` in the metadata leads to the log of the conductor.", "No: report it."
    ),
}


def errors_page() -> str:
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for status, http in HTTP_STATUSES.items():
        reasons = sorted(reason for reason, other in STATUSES_BY_REASON.items() if other is status)
        rows = (
            [f'<a id="{reason.lower()}"></a>`{reason}`', ADVICE[reason].means, ADVICE[reason].retry]
            for reason in reasons
        )
        yield f"## {status.name}, HTTP {http}\n\n{table(['reason', 'means', 'try again'], rows)}"
