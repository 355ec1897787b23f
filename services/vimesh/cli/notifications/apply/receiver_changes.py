"""Makes receivers what they should be: first the fleet checks all changes, then it makes them, one after the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

import grpc

from vimesh.cli.apply.applied_lines import AppliedThing, ApplyOutcome, refuse
from vimesh.cli.client.explain_failures import failure_line
from vimesh.cli.notifications.apply.receivers_file import DesiredReceiver
from vimesh.cli.notifications.find_receiver import fetch_receivers
from vimesh.cli.notifications.receiver_fields import KINDS, SETTABLE
from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.v1 import access_service_pb2
from vimesh.v1 import receiver_service_pb2 as pb

_ATTEMPTS: Final = 3
_REFUSALS: Final = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED,
)
"""Statuses that say what is wrong with one receiver: the others are checked all the same."""
_ALWAYS_SET: Final = tuple(name for name in SETTABLE if name not in (*KINDS, "project_id", "name", "disabled"))
"""What a file that does not name it sets to its default."""

_Key = tuple[str, str]
"""Project and name: no two receivers have the same."""


@dataclass(frozen=True, slots=True)
class AppliedReceiver:
    """What became of a receiver, or would."""

    outcome: ApplyOutcome
    receiver: pb.Receiver
    fields: Sequence[str] = ()
    """The fields that were modified."""

    @property
    def shown(self) -> AppliedThing:
        receiver = self.receiver
        return AppliedThing(
            "receiver", self.outcome, receiver.project_id, receiver.name, receiver.id, fields=self.fields
        )


class ReceiverChanges:
    def __init__(self, front: Front, path: Path, desired: Sequence[DesiredReceiver], *, project: str | None) -> None:
        """`path` is named in errors; `project` is that of receivers for which the file names none."""
        self._front = front
        self._path = path
        self._desired = desired
        self._project = project
        self._stored: Mapping[_Key, pb.Receiver] = {}
        self._retrying = Retrying(SystemRandom(), attempts=_ATTEMPTS)

    async def plan(self, *, prune: bool) -> Sequence[AppliedReceiver]:
        """Let the fleet check all changes; return what they come to.

        `prune`: whether other receivers of the same projects are to go. Raises Failure with all that is refused.
        """
        await self._complete_projects()
        self._require_distinct()
        self._stored = {_key(receiver): receiver for receiver in await fetch_receivers(self._front)}
        planned, problems = [], []
        for one in self._desired:
            try:
                planned.append(await self._apply(one, validate_only=True))
            except grpc.aio.AioRpcError as error:
                if error.code() not in _REFUSALS:
                    raise
                problems.append(f"{one.place}: {failure_line(error, self._front.address)}")
        refuse(self._path, problems)
        return [*planned, *(self._surplus({_key(one.message) for one in self._desired}) if prune else ())]

    async def carry_out(self, planned: Sequence[AppliedReceiver], note: Callable[[AppliedReceiver], None]) -> None:
        """Make the changes that were planned. `note` is called with each receiver that is as it should be."""
        of_key = {_key(one.message): one for one in self._desired}
        for one in planned:
            if one.outcome is ApplyOutcome.UNCHANGED:
                note(one)
            elif one.outcome is ApplyOutcome.DELETED:
                request = pb.DeleteReceiverRequest(receiver_id=one.receiver.id)
                await self._front.receivers.DeleteReceiver(request, timeout=self._front.timeout_s)
                note(one)
            else:
                note(await self._apply(of_key[_key(one.receiver)]))

    async def _complete_projects(self) -> None:
        """Set the projects that the file leaves open. Raises Failure."""
        without = [one for one in self._desired if not one.message.project_id]
        if not without:
            return
        project = self._project
        if project is None:
            who = await self._front.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=self._front.timeout_s)
            if not who.all_projects and len(who.projects) != 1:
                refuse(self._path, [f"{one.place}: project_id is missing: set it, or --project" for one in without])
            project = "" if who.all_projects else who.projects[0]
        for one in without:
            one.message.project_id = project

    def _require_distinct(self) -> None:
        """Raise Failure if the file has a receiver twice."""
        first: dict[_Key, DesiredReceiver] = {}
        problems = []
        for one in self._desired:
            other = first.setdefault(_key(one.message), one)
            if other is not one:
                problems.append(f"{one.place}: another one in {other.position} has the same project and name")
        refuse(self._path, problems)

    def _surplus(self, wanted: Collection[_Key]) -> list[AppliedReceiver]:
        """Return what is to be deleted: projects of which the file says nothing are left alone."""
        projects = {project for project, _ in wanted}
        return [
            AppliedReceiver(ApplyOutcome.DELETED, receiver)
            for key, receiver in self._stored.items()
            if key not in wanted and receiver.project_id in projects
        ]

    async def _apply(self, desired: DesiredReceiver, *, validate_only: bool = False) -> AppliedReceiver:
        stored = self._stored.get(_key(desired.message))
        if stored is None:
            return await self._create(desired.message, validate_only=validate_only)
        return await self._modify(stored, desired, validate_only=validate_only)

    async def _create(self, message: pb.Receiver, *, validate_only: bool) -> AppliedReceiver:
        # With the id of a request, another attempt creates no second receiver.
        request = pb.CreateReceiverRequest(receiver=message, request_id=str(uuid.uuid4()), validate_only=validate_only)
        answer = await self._retrying.repeated(
            lambda: self._front.receivers.CreateReceiver(request, timeout=self._front.timeout_s)
        )
        return AppliedReceiver(ApplyOutcome.CREATED, answer.receiver)

    async def _modify(self, stored: pb.Receiver, desired: DesiredReceiver, *, validate_only: bool) -> AppliedReceiver:
        request = pb.ModifyReceiverRequest(receiver=desired.message, validate_only=validate_only)
        request.receiver.id = stored.id
        request.update_mask.paths.extend((*_ALWAYS_SET, desired.message.WhichOneof("target") or ""))
        if desired.says_disabled:
            request.update_mask.paths.append("disabled")
        answer = await self._retrying.repeated(
            lambda: self._front.receivers.ModifyReceiver(request, timeout=self._front.timeout_s)
        )
        # Only the fleet can compare secrets: it changes this time, if anything else was changed.
        if answer.receiver.update_time == stored.update_time:
            return AppliedReceiver(ApplyOutcome.UNCHANGED, answer.receiver)
        return AppliedReceiver(ApplyOutcome.MODIFIED, answer.receiver, _different_fields(stored, answer.receiver))


def _key(receiver: pb.Receiver) -> _Key:
    return receiver.project_id, receiver.name


def _different_fields(before: pb.Receiver, after: pb.Receiver) -> Sequence[str]:
    kind = after.WhichOneof("target") or ""
    names = [name for name in SETTABLE if name not in KINDS or name == kind]
    # If nothing that is shown differs, a secret does.
    return [name for name in names if _value(before, name) != _value(after, name)] or [kind]


def _value(receiver: pb.Receiver, name: str) -> Any:  # noqa: ANN401 - of any field
    return getattr(receiver, name)
