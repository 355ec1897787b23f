"""Answers reports of conditions: each entry is checked, limited to its caller, judged and answered on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vimesh.conductor.reports.report_scope import Refusal, refusal_of
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.errors import BadInput, VimeshError
from vimesh.domain.vim_conditions.condition_reports import ConditionReport, ConditionsRecorded
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.conditions.condition_messages import condition_report
from vimesh.wire.error_statuses import rich_status
from vimesh.wire.message_rules import EntryRules, Rules


class ConditionReports:
    def __init__(self, store: VimStore, feed: EventFeed, rules: Rules) -> None:
        self._store = store
        self._feed = feed
        self._rules = rules

    async def record(self, request: pb.ReportConditionsRequest, caller: Caller) -> pb.ReportConditionsResponse:
        """Record a request of a caller, and return the outcomes of its entries. Raises OlderConductors."""
        checked = await self._check(request.vims, caller)
        valid = [one for one in checked if isinstance(one, ConditionReport)]
        outcomes = await self._store.conditions.record(valid) if valid else []
        if any(isinstance(one, ConditionsRecorded) and one.is_new for one in outcomes):
            self._feed.poke()
        recorded = iter(outcomes)
        return pb.ReportConditionsResponse(
            outcomes=[_outcome(next(recorded) if isinstance(one, ConditionReport) else one) for one in checked]
        )

    async def _check(self, messages: Sequence[pb.VimConditions], caller: Caller) -> Sequence[ConditionReport | Refusal]:
        rules = EntryRules(self._rules)

        def check(message: pb.VimConditions) -> ConditionReport | Refusal:
            try:
                rules.check(message)
                return condition_report(message, caller.identity)
            except BadInput as error:
                return error.with_traceback(None)

        checked = await in_slices(check, messages)
        return checked if caller is OPEN_CALLER else list(await self._in_scope(checked, caller))

    async def _in_scope(
        self, checked: Sequence[ConditionReport | Refusal], caller: Caller
    ) -> Iterator[ConditionReport | Refusal]:
        ids = list({one.vim_id: None for one in checked if isinstance(one, ConditionReport)})
        wanted = await self._store.wanted_actions(ids) if ids else {}
        return (
            refusal_of(caller, one.vim_id, one.action_id, wanted) or one if isinstance(one, ConditionReport) else one
            for one in checked
        )


def _outcome(outcome: ConditionsRecorded | BadAction | VimeshError) -> pb.VimConditionsOutcome:
    if isinstance(outcome, VimeshError):
        return pb.VimConditionsOutcome(refused=rich_status(outcome)[1])
    if isinstance(outcome, BadAction):
        return pb.VimConditionsOutcome(bad_action=pb.BadAction())
    return pb.VimConditionsOutcome(recorded=pb.RecordedConditions())
