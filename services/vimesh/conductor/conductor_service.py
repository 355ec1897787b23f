"""Serves ConductorService, the interface for ping actions: reports and the watch of actions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import grpc

from vimesh.conductor.access.hand_out_credentials import hand_out_credentials
from vimesh.conductor.pool.action_streams import ActionStreams
from vimesh.conductor.probes.probe_parts import ProbeParts
from vimesh.conductor.reports.answer_conditions import ConditionReports
from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.conductor.reports.odd_reports import check_separately
from vimesh.conductor.reports.plain_reports import plain_report
from vimesh.conductor.reports.recognize_repeats import read_repeats, store_serialized_reports
from vimesh.conductor.reports.report_scope import Refusal, covers, covers_repeats, refuse_out_of_scope
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.access.caller import OPEN_CALLER, Caller, CallerRole
from vimesh.domain.actions import ActionScope, Shard
from vimesh.domain.errors import BadInput, PermissionDenied, VimeshError
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Late, Outcome, Recorded, Repeat, Report, Status
from vimesh.rpc.call_entrance import current_caller, note_change
from vimesh.rpc.parsing.request_parser import Parser
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceServicer
from vimesh.wire import request_messages
from vimesh.wire.error_statuses import STATUS, rich_status
from vimesh.wire.fleet_messages import pool_place
from vimesh.wire.limits import MAX_MESSAGE_BYTES
from vimesh.wire.message_rules import Rules
from vimesh.wire.vim_messages import STATUS_VALUES
from vimesh.wire.wire_durations import duration

_Context = grpc.aio.ServicerContext[Any, Any]
MAX_REPORTS = 1000
"""Maximum number of reports in one call; the rules in the proto state the same."""
UNCHECKED = ("UpdateVim",)
"""Methods whose requests the servicer checks itself."""
SERIALIZED = ("UpdateVims",)
"""Methods whose messages it also parses and serializes itself."""


class ReportsServicer(ConductorServiceServicer):
    def __init__(  # noqa: PLR0913 - all collaborators are passed in here
        self,
        store: VimStore,
        feed: EventFeed,
        action_streams: ActionStreams,
        pace: ContactPace,
        rules: Rules,
        *,
        probes: ProbeParts,
    ) -> None:
        """GuardedServer must leave the calls in UNCHECKED and SERIALIZED to the servicer."""
        self._store = store
        self._feed = feed
        self._action_streams = action_streams
        self._pace = pace
        self._rules = rules
        self._probes = probes
        self._conditions = ConditionReports(store, feed, rules)
        self._parser = Parser(pb.UpdateVimsRequest, MAX_MESSAGE_BYTES)
        self._answers = Answers(0)
        self.invalid = 0
        """The reports that were refused: against the rules, or not for their caller to make."""

    async def UpdateVim(self, request: pb.UpdateVimRequest, context: _Context) -> pb.UpdateVimResponse:
        answers, caller = self._current_answers(), current_caller()
        report = plain_report(request, caller.identity)
        if report is None:
            report = self._read_in_full(request, caller)
        if caller is not OPEN_CALLER and not covers(caller, report, self._store.cached_standings):
            [checked] = await refuse_out_of_scope(self._store, caller, [report])
            if isinstance(checked, VimeshError):
                self.invalid += 1
                note_change(vim_id=report.vim_id)
                raise checked
            if isinstance(checked, BadAction):
                self._store.statistics.reports.bad_action += 1
                return answers.to_outcome(checked)
            report = checked
        [outcome] = await self._record([report], answers)
        return answers.to_outcome(outcome)

    async def UpdateVims(self, request: bytes, context: _Context) -> bytes:  # type: ignore[override]  # see SERIALIZED
        answers, caller = self._current_answers(), current_caller()
        repeats = read_repeats(request, self._store.cached_standings, answers.contact_within_s)
        if (
            0 < len(repeats) <= MAX_REPORTS
            and covers_repeats(caller, repeats)
            and await self._store.record_repeats(repeats)
        ):
            return answers.to_repeats(repeats)
        message = self._parser.parse(request)
        if not 0 < len(message.reports) <= MAX_REPORTS:
            self._rules.check(message)
        reports = [plain_report(one, caller.identity) for one in message.reports]
        if caller is not OPEN_CALLER or None in reports:
            checked: Sequence[Report | Refusal]
            checked = await check_separately(message.reports, reports, self._rules, caller.identity)
            if caller is not OPEN_CALLER:
                checked = await refuse_out_of_scope(self._store, caller, checked)
                _note_refusal(message.reports, checked)
            outcomes = map(answers.to_checked, await self._record_valid(message.reports, checked, answers))
        else:
            valid: Any = reports  # None is not among them
            outcomes = map(answers.to_outcome, await self._record_and_remember(message.reports, valid, answers))
        return pb.UpdateVimsResponse(outcomes=outcomes).SerializeToString()

    def _read_in_full(self, request: pb.UpdateVimRequest, caller: Caller) -> Report:
        """Read a report that is not plain. Raises BadInput."""
        try:
            self._rules.check(request)
        except BadInput:
            self.invalid += 1
            raise
        return request_messages.report(request, caller.identity)

    async def ReportConditions(
        self, request: pb.ReportConditionsRequest, context: _Context
    ) -> pb.ReportConditionsResponse:
        return await self._conditions.record(request, current_caller())

    async def _record_valid(
        self, messages: Sequence[pb.UpdateVimRequest], checked: Sequence[Report | Refusal], answers: Answers
    ) -> list[Outcome | VimeshError]:
        """Record the reports that were not refused; return the outcome of each message, in order."""
        self.invalid += sum(isinstance(one, VimeshError) for one in checked)
        self._store.statistics.reports.bad_action += sum(isinstance(one, BadAction) for one in checked)
        valid_reports = [one for one in checked if isinstance(one, Report)]
        valid_messages = [message for message, one in zip(messages, checked, strict=True) if isinstance(one, Report)]
        outcomes = iter(
            await self._record_and_remember(valid_messages, valid_reports, answers) if valid_reports else ()
        )
        return [next(outcomes) if isinstance(one, Report) else one for one in checked]

    async def _record_and_remember(
        self, messages: Sequence[pb.UpdateVimRequest], reports: Sequence[Report], answers: Answers
    ) -> Sequence[Outcome]:
        outcomes = await self._record(reports, answers)
        store_serialized_reports(messages, reports, self._store.cached_standings)
        return outcomes

    async def _record(self, reports: Sequence[Report], answers: Answers) -> Sequence[Outcome]:
        outcomes = await self._store.record_reports(reports, contact_within_s=answers.contact_within_s)
        if Recorded in map(type, outcomes):
            self._feed.poke()
        return outcomes

    def _current_answers(self) -> Answers:
        """Return the answers for the current pace: a lease is granted for the contact interval that is answered."""
        contact_within_s = self._pace.contact_within_s
        if self._answers.contact_within_s != contact_within_s:
            self._answers = Answers(contact_within_s)
        return self._answers

    async def WatchActions(
        self, request: pb.WatchActionsRequest, context: _Context
    ) -> AsyncIterator[pb.WatchActionsResponse]:
        caller, engine = current_caller(), request_messages.engine(request.engine)
        caller.require_engine(engine)
        scope = ActionScope(engine, Shard(request.shard_index, request.shard_count or 1), caller.projects)
        if not request.HasField("pool"):
            responses = self._action_streams.watch_all(request, scope)
        else:
            _require_monitor(caller, "WatchActions of a monitor of the pool")
            scope = replace(scope, vantage=pool_place(request.pool.place).vantage)
            responses = self._action_streams.watch_share(request, scope, caller.identity)
        async with aclosing(responses):
            async for response in responses:
                yield response

    async def ServeProbes(
        self, requests: AsyncIterator[pb.ServeProbesRequest], context: _Context
    ) -> AsyncIterator[pb.ServeProbesResponse]:
        caller = current_caller()
        caller.require_engine(Engine.EMBEDDED)
        _require_monitor(caller, "ServeProbes")
        async with aclosing(self._probes.streams.serve(requests, caller)) as responses:
            async for response in responses:
                yield response

    async def ConfirmFailures(
        self, request: pb.ConfirmFailuresRequest, context: _Context
    ) -> AsyncIterator[pb.ConfirmFailuresResponse]:
        caller = current_caller()
        caller.require_engine(Engine.EMBEDDED)
        _require_monitor(caller, "ConfirmFailures")
        async with aclosing(self._probes.confirmation.confirm(request, caller)) as responses:
            async for response in responses:
                yield response

    async def GetVimCredentials(
        self, request: pb.GetVimCredentialsRequest, context: _Context
    ) -> pb.GetVimCredentialsResponse:
        return await hand_out_credentials(self._store, current_caller(), request)


class Answers:
    """The answers at one pace. Only a handful are distinct, so they are built once and shared: do not modify them."""

    def __init__(self, contact_within_s: float) -> None:
        self.contact_within_s = contact_within_s
        self._contact_within = duration(contact_within_s)
        self._bad_action = pb.UpdateVimResponse(bad_action=pb.BadAction())
        self._by_status = {status: self._answer(status) for status in Status}
        self._serialized_by_status = {
            status: pb.UpdateVimsResponse(outcomes=[answer]).SerializeToString()
            for status, answer in self._by_status.items()
        }

    def to_repeats(self, repeats: Iterable[Repeat]) -> bytes:
        """Return a serialized UpdateVimsResponse to reports that repeat what is on record."""
        # Concatenated serialized messages parse as one message, with their repeated fields appended.
        return b"".join([self._serialized_by_status[standing.status] for _, standing, _ in repeats])

    def to_checked(self, outcome: Outcome | VimeshError) -> pb.UpdateVimResponse:
        """Return the answer to a report that may have been refused."""
        if not isinstance(outcome, VimeshError):
            return self.to_outcome(outcome)
        _, status = rich_status(outcome)
        return pb.UpdateVimResponse(refused=status)

    def to_outcome(self, outcome: Outcome) -> pb.UpdateVimResponse:
        if isinstance(outcome, BadAction):
            return self._bad_action
        if isinstance(outcome, Late):
            return self._answer(outcome.status, outcome.observation)
        return self._by_status[outcome.status]

    def _answer(self, status: Status, newest_observation: int = 0) -> pb.UpdateVimResponse:
        return pb.UpdateVimResponse(
            status=STATUS_VALUES[status],
            contact_within=self._contact_within,
            newest_observation=newest_observation,
        )


def _require_monitor(caller: Caller, call: str) -> None:
    """Raise PermissionDenied unless the caller may be a monitor: nobody else must get VIMs to probe."""
    caller.require_role((CallerRole.REPORTER,), call)
    caller.require_all_projects("a monitor of the pool")


def _note_refusal(messages: Sequence[pb.UpdateVimRequest], checked: Sequence[Report | Refusal]) -> None:
    """Note the first report that its caller may not make: they all have the same cause."""
    for message, one in zip(messages, checked, strict=True):
        if isinstance(one, PermissionDenied):
            note_change(vim_id=request_messages.id_of(message.vim_id), outcome=STATUS[PermissionDenied][1])
            return
