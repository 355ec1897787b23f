"""Makes VIMs what they should be, under the name of an apply set, and tells what became of them."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .fleet import Refused

with suppress(ImportError):  # `fleet.run` says so before anything of this is called
    from google.protobuf.json_format import MessageToDict
    from google.rpc import error_details_pb2, status_pb2

    from vimesh.client import Client, Vim, WaitExpired, masked
    from vimesh.v1.access_service_pb2 import WhoAmIRequest
    from vimesh.v1.vim_service_pb2 import ApplyVimResult, ApplyVimsRequest, VimToApply

APPLY_OPTIONS: dict[str, Any] = {
    "apply_set": {"type": "str"},
    "adopt": {"type": "bool", "default": False},
    "force_conflicts": {"type": "bool", "default": False},
    "wait_for": {"type": "str", "choices": ["REACHABLE", "UNREACHABLE", "UNKNOWN", "PENDING"]},
    "wait_timeout": {"type": "float", "default": 30.0},
}
_DEFAULT_SET = "ansible"
_DEFAULT_PROJECT = "default"
_BATCH = 500
_BATCH_BYTES = 16_000
"""A call may have 8,000 values in free-form fields and labels, each of which takes two bytes and more."""
_LEAST_S = 0.1
_SHOWN = 20

VimName = tuple[str, str]
"""Project and name: no two VIMs have the same."""


@dataclass(frozen=True)
class AppliedVim:
    """What became of a VIM, or would."""

    entry: VimToApply
    result: ApplyVimResult

    @property
    def key(self) -> VimName:
        return self.entry.vim.project_id, self.entry.vim.name

    @property
    def outcome(self) -> str:
        return str(ApplyVimResult.Outcome.Name(self.result.outcome))

    @property
    def is_refused(self) -> bool:
        return self.result.HasField("refused")

    @property
    def is_change(self) -> bool:
        return not self.is_refused and self.result.outcome != ApplyVimResult.UNCHANGED

    @property
    def reason(self) -> str:
        return _explained(self.result.refused)[1]

    @property
    def refusal(self) -> str:
        text, reason = _explained(self.result.refused)
        subject = f"VIM {self.entry.vim.name}"
        return f"{text} ({reason})" if subject in text else f"{subject}: {text} ({reason})"

    def to_do(self) -> VimToApply:
        """Return what makes the change that was planned, and no other one."""
        entry = VimToApply()
        entry.CopyFrom(self.entry)
        entry.etag = self.result.etag
        entry.is_new = self.result.outcome == ApplyVimResult.REGISTERED
        return entry

    def document(self) -> dict[str, Any]:
        """Return what the result of a task says of the VIM."""
        project, name = self.key
        changes = [{"field": one.field, "before": one.before, "after": one.after} for one in self.result.changes]
        outcome = "REFUSED" if self.is_refused else self.outcome
        return {"name": name, "project": project, "id": self.result.vim_id, "outcome": outcome, "changes": changes}

    def diff(self) -> dict[str, Any]:
        """Return the difference as `--diff` shows it: a field for each that differs."""
        project, name = self.key
        header = f"VIM {name} of project {project}"
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        if self.result.outcome == ApplyVimResult.REGISTERED:
            after = _fields_of(self.entry)
        elif self.result.outcome == ApplyVimResult.DEREGISTERED:
            before = {"id": self.result.vim_id, "name": name}
        for one in self.result.changes:
            if one.before:
                before[one.field] = _value(one.before)
            if one.after:
                # Equal ones say that a secret differs.
                after[one.field] = "*** (another one)" if one.after == one.before else _value(one.after)
        return {"before": before, "after": after, "before_header": header, "after_header": header}


def _explained(status: status_pb2.Status) -> tuple[str, str]:
    """Return why a VIM was refused, and the reason as a word."""
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    violations = [f"{one.field.removeprefix('vim.')}: {one.description}" for one in bad_request.field_violations]
    return "; ".join(violations) or status.message, info.reason


def _fields_of(entry: VimToApply) -> dict[str, Any]:
    """Return the fields that an entry names, without their secrets."""
    document = MessageToDict(masked(entry.vim), preserving_proto_field_name=True)
    fields: dict[str, Any] = {}
    for path in entry.update_mask.paths:
        name, _, inner = path.partition(".")
        fields[path] = document.get(name, {}).get(inner) if inner else document.get(name, "")
    return fields


def _value(text: str) -> object:
    """Read a value as the fleet shows it: JSON, which may be cut, or a duration."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Applier:
    """All calls raise CallError if the fleet does not answer."""

    def __init__(self, client: Client, options: Mapping[str, Any]) -> None:
        """`options` has those of `APPLY_OPTIONS`."""
        self._client = client
        self._apply_set = options["apply_set"] or _DEFAULT_SET
        self._adopt = options["adopt"]
        self._force = options["force_conflicts"]
        self._status = options["wait_for"]
        self._within_s = options["wait_timeout"]

    def apply(self, entries: Iterable[VimToApply], *, only_check: bool) -> list[AppliedVim]:
        """Apply VIMs, or let the fleet say what that comes to."""
        applied: list[AppliedVim] = []
        for batch in _batches(entries):
            request = ApplyVimsRequest(
                apply_set=self._apply_set,
                vims=batch,
                adopt=self._adopt,
                force=self._force,
                validate_only=only_check,
            )
            answer = self._client.call(self._client.stubs.vims.ApplyVims, request)
            applied += [AppliedVim(entry, result) for entry, result in zip(batch, answer.results, strict=True)]
        return applied

    def surplus(self, wanted: Collection[VimName]) -> list[VimToApply]:
        """Return the VIMs that belong to the set but are not wanted: they should be absent."""
        vims = self._client.vims.list(f'apply_set = "{self._apply_set}"', fields=["id", "name", "project_id", "etag"])
        return [
            VimToApply(vim=Vim(name=vim.name, project_id=vim.project_id), etag=vim.etag, absent=True)
            for vim in vims
            if (vim.project_id, vim.name) not in wanted
        ]

    def wait(self, vim_ids: Collection[str], **facts: Any) -> None:  # noqa: ANN401 - as results of tasks are
        """Return as soon as each of the VIMs has had the status that is waited for, if one is. Raises Refused.

        `facts` are for the result of the task, if the time is over.
        """
        if self._status is None:
            return
        ends_at = time.monotonic() + self._within_s
        present = f'apply_set = "{self._apply_set}" AND status = {self._status}'
        there = {vim.id for vim in self._client.vims.list(present, fields=["id"])}
        for vim_id in vim_ids:
            if vim_id not in there:
                self._wait_for(vim_id, max(ends_at - time.monotonic(), _LEAST_S), facts)

    def _wait_for(self, vim_id: str, within_s: float, facts: Mapping[str, Any]) -> None:
        try:
            self._client.vims.wait_for(vim_id, self._status, within_s=within_s)
        except WaitExpired:
            vim = self._client.vims.get(vim_id)
            why = ": ".join(filter(None, [vim.reason, vim.detail]))
            present = Vim.Status.Name(vim.status) + (f" ({why})" if why else "")
            raise Refused(
                f"VIM {vim.name} is not {self._status} after {self._within_s:g} s: it is {present}",
                reason="WAIT_EXPIRED",
                hint="raise wait_timeout, or see why: vimesh vim show",
                **facts,
            ) from None


def _batches(entries: Iterable[VimToApply]) -> Iterator[list[VimToApply]]:
    """Cut VIMs into what fits into one call."""
    batch: list[VimToApply] = []
    size = 0
    for entry in entries:
        own_size = entry.ByteSize()
        if batch and (len(batch) == _BATCH or size + own_size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += own_size
    if batch:
        yield batch


def fill_in_project(client: Client, entries: Iterable[VimToApply]) -> None:
    """Give VIMs for which nobody names a project the one in which the fleet would register them."""
    open_ones = [entry for entry in entries if not entry.vim.project_id]
    if not open_ones:
        return
    who = client.call(client.stubs.access.WhoAmI, WhoAmIRequest())
    usual = who.projects[0] if not who.all_projects and len(who.projects) == 1 else _DEFAULT_PROJECT
    for entry in open_ones:
        entry.vim.project_id = usual


def refuse(applied: Sequence[AppliedVim], **facts: Any) -> None:  # noqa: ANN401 - as results of tasks are
    """Raise Refused if any VIM was refused."""
    refused = [one for one in applied if one.is_refused]
    if refused:
        lines = [one.refusal for one in refused[:_SHOWN]]
        more = [f"and {len(refused) - _SHOWN} more"] if len(refused) > _SHOWN else []
        raise Refused("; ".join([*lines, *more]), reason=refused[0].reason, **facts)
