"""Defines, as a protocol, what the services require of the store of VIMs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Never, Protocol

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.access.quota_store import QuotaStore
from vimesh.domain.access.vim_credentials import VimCredentials
from vimesh.domain.actions import Action, ActionScope, CurrentAction, Shard
from vimesh.domain.as_of.as_of_store import AsOfStore
from vimesh.domain.availability.availability_store import AvailabilityStore
from vimesh.domain.bulk.bulk_store import BulkStore
from vimesh.domain.causes.cause_store import CauseStore
from vimesh.domain.errors import VimeshError
from vimesh.domain.events import LogSpan, VimEvent
from vimesh.domain.explain.vim_evidence import ExplainStore
from vimesh.domain.filters.filter_store import FilterStore
from vimesh.domain.fleet.fleet_status import FleetStatus
from vimesh.domain.fleet.process_announcements import Announcement
from vimesh.domain.fleet.store_statistics import DatabaseGauges, StoreStatistics, VimLabels, VimSample
from vimesh.domain.history.history_store import HistoryStore
from vimesh.domain.maintenance.maintenance_store import MaintenanceStore
from vimesh.domain.notifications.delivery_store import DeliveryStore
from vimesh.domain.notifications.receiver_store import ReceiverStore
from vimesh.domain.pool.pool_store import PoolStore
from vimesh.domain.queries import VimPage, VimQuery
from vimesh.domain.retention import Retention
from vimesh.domain.todos import ClaimedTodo
from vimesh.domain.vim_conditions.condition_store import ConditionStore
from vimesh.domain.vims import BadAction, Modification, Outcome, Registered, Registration, Repeat, Report, Standing, Vim


class VimStore(Protocol):
    """Stores the VIMs. Every method writes in one transaction, and raises StoreUnavailable if its outcome is unknown.

    A VIM in a project that the caller does not see does not exist for that caller: nothing that it gets depends on it.

    It raises Overloaded if too many calls are already waiting, or if this one has waited too long for its turn.

    A change and its event commit together; revisions grow by one with each change, in commit order (G8). The to-dos of
    a workflow engine commit with the change that causes them (G9). A status whose lease has ended reads UNKNOWN (G6).

    `validate_only`: return or raise the same, but change nothing.
    """

    @property
    def history(self) -> HistoryStore:
        """The store of the history of these VIMs."""

    @property
    def maintenance(self) -> MaintenanceStore:
        """The maintenance windows of the same database."""

    @property
    def receivers(self) -> ReceiverStore:
        """Who is told of changes of these VIMs."""

    @property
    def deliveries(self) -> DeliveryStore:
        """What they were told, for those who tell them."""

    @property
    def pool(self) -> PoolStore:
        """The monitors that share these VIMs."""

    @property
    def causes(self) -> CauseStore:
        """What these VIMs have in common that are lost."""

    @property
    def explanations(self) -> ExplainStore:
        """What explanations of these VIMs are made of."""

    @property
    def conditions(self) -> ConditionStore:
        """What is true of these VIMs besides their status."""

    @property
    def filters(self) -> FilterStore:
        """What filters and summaries need."""

    @property
    def as_of(self) -> AsOfStore:
        """These VIMs as they were at a time."""

    @property
    def bulk(self) -> BulkStore:
        """The same store, for many VIMs at once."""

    @property
    def quotas(self) -> QuotaStore:
        """What projects may have of them."""

    async def register(
        self, registration: Registration, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> Vim:
        """Store a new VIM with a new action id.

        Raises NameTaken, DefaultTaken, VimIdTaken, RequestIdReused, OlderConductors, QuotaExceeded, ChangeRateExceeded,
        and BadInput for masked credentials.
        """

    async def register_many(
        self, registrations: Sequence[Registration], caller: Caller = OPEN_CALLER
    ) -> list[Registered | VimeshError]:
        """Check the registrations in turn as `register` would; store those that pass in one transaction.

        Returns the result of each, in the same order: a refusal is the error that `register` would have raised.
        """

    async def get(self, vim_id: str, caller: Caller = OPEN_CALLER) -> Vim:
        """Return a VIM. Raises VimNotFound."""

    async def list_vims(self, query: VimQuery) -> VimPage:
        """Return a page, which is shorter if the VIMs are large. Raises PageTokenInvalid."""

    async def modify(
        self, vim_id: str, modification: Modification, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> Vim:
        """Change a VIM; a new auth_url, type, policy or engine brings a new action id (G11).

        A modification that changes nothing causes no event. Raises VimNotFound, EtagMismatch, NameTaken, DefaultTaken,
        OlderConductors, QuotaExceeded, ChangeRateExceeded, and BadInput for values that conflict with those stored.
        """

    async def deregister(self, vim_id: str, caller: Caller = OPEN_CALLER, *, validate_only: bool = False) -> str:
        """Remove a VIM and its credentials; return its project. Raises VimNotFound, ChangeRateExceeded."""

    async def erase_removed(self) -> None:
        """Erase what removed and replaced secrets have left in the files of the database.

        Does nothing if this process has removed nothing since the last time. Other writers may wait for it.
        """

    async def record_reports(self, reports: Sequence[Report], *, contact_within_s: float) -> list[Outcome]:
        """Judge each report separately, and write what is needed in one transaction; return outcomes in the same order.

        Two reports on one VIM in one call are judged one after the other. Each report of a wanted action ensures that
        the action has a lease that fits a next contact in `contact_within_s`.
        """

    @property
    def availability(self) -> AvailabilityStore:
        """How long VIMs had which status."""

    @property
    def cached_standings(self) -> Mapping[str, Standing]:
        """The standings on record as far as this process knows, by VIM id. They may be outdated.

        Read-only, except `serialized_report`.
        """

    async def record_repeats(self, repeats: Sequence[Repeat]) -> bool:
        """Record contacts of actions without news: each repeats the cached standing of its VIM.

        Has the same effect as `record_reports`. False: it cannot be confirmed that all of this is still on record; call
        `record_reports` instead.
        """

    async def record_lapses(self, limit: int) -> int:
        """Record that up to `limit` statuses no longer hold, with an event each; return how many (G6, G8).

        Readers already see UNKNOWN, but only the event notifies watchers.
        """

    async def replace_silent(self, limit: int) -> int:
        """Replace up to `limit` actions whose silence is on record, the oldest first; return how many (G7).

        Actions that should have reported by now, but never did, are silent as well. EXTERNAL ones are never replaced:
        vimesh cannot start another.
        """

    async def clock(self) -> dt.datetime:
        """Read the database's clock. Its readings can be compared only with each other."""

    async def count_vims(self) -> int:
        """Return the number of VIMs."""

    async def claim_todos(self, claimant: str, limit: int, lease_s: float) -> list[ClaimedTodo]:
        """Claim due to-dos for `lease_s` seconds, oldest first, but none whose VIM has an older one that is open."""

    async def finish_todo(
        self, todo_id: str, claim_token: str, *, error: str = "", retry_after_s: float | None = None
    ) -> None:
        """End a claim: the to-do is done, or due again after `retry_after_s`, or after a pause that grows with errors.

        Raises TodoNotFound if it is already done, or has been claimed again.
        """

    @property
    def statistics(self) -> StoreStatistics:
        """What this process has counted. It changes all the time; other threads may read it."""

    async def read_gauges(self) -> DatabaseGauges:
        """Count VIMs and to-dos for metrics. Reads all leases."""

    async def read_samples(self, shard: Shard, after: int, limit: int) -> list[VimSample]:
        """Return up to `limit` VIMs of a shard for metrics, in order of registration, after the number of the last.

        These shards are equal parts by that number: other ones than those of actions.
        """

    async def read_labels(self, numbers: Sequence[int]) -> list[VimLabels]:
        """Return the labels of the VIMs with these numbers that still exist, in any order."""

    async def read_all_labels(self, shard: Shard) -> list[VimLabels]:
        """Return the labels of all VIMs of a shard, in any order: in half of the time that their numbers take."""

    async def announce_process(self, announcement: Announcement, identity: str) -> None:
        """Store what a process says of itself, by the proved identity of the one that says it.

        Raises PermissionDenied if another identity has announced a process of the same id.
        """

    async def withdraw_process(self, process_id: str, identity: str) -> None:
        """Remove a process that ends in order, unless another identity announced it."""

    async def fleet_status(self, projects: Collection[str] | None, *, whole: bool) -> FleetStatus:
        """Count the VIMs of these projects, or of all; `whole`: say also what is only for those who run the fleet."""

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        """Call `on_commit` when another process may have changed something. Runs until cancelled.

        Best effort: some databases never notify, none states what has changed, and none notifies of every change.
        Raises StoreUnavailable.
        """

    async def span(self) -> LogSpan:
        """Return which revisions the log holds: also the cheapest proof that the database answers."""

    async def require_writable(self) -> None:
        """Raise StoreUnavailable if the database accepts no writes. Cheap enough to call again and again."""

    async def events_after(self, revision: int, limit: int, log_id: str = "") -> list[VimEvent]:
        """Return changes in order; `log_id`: the log that the revision is of, if that is known.

        Raises RevisionCompacted, RevisionUnknown (also if the log is another one), EventUnreadable.
        """

    async def compact(self, retention: Retention, limit: int) -> int:
        """Drop up to `limit` of the oldest changes that need not be kept; return how many.

        Asking for one of them later raises RevisionCompacted.
        """

    async def forget_requests(self) -> int:
        """Forget request ids that are too old, or too many, in batches of one transaction each; return how many.

        Repeating such a request is refused while its VIM exists, because the name or id is taken.
        """

    async def logged_bytes(self) -> int:
        """Return about how many bytes of changes were ever stored: the log grows by as much as this number does."""

    async def events_of(
        self, vim_id: str, page_size: int, page_token: str, caller: Caller = OPEN_CALLER
    ) -> tuple[list[VimEvent], str]:
        """Return the changes of one VIM (of all, if empty), newest first, and the token of the next page.

        Works for a deregistered VIM too. Raises PageTokenInvalid, EventUnreadable.
        """

    async def vims_after(self, vim_id: str, limit: int, project_id: str = "") -> list[Vim]:
        """Return VIMs of a project, or of all, in the order of their ids: fewer if they are large, none at the end."""

    async def actions_after(self, scope: ActionScope, vim_id: str, limit: int) -> list[Action]:
        """Return wanted actions in the order of their VIMs' ids, for a snapshot."""

    async def actions_of(self, vim_ids: Sequence[str]) -> list[Action]:
        """Return the wanted actions of these VIMs; VIMs that are gone are left out."""

    async def wanted_actions(self, vim_ids: Sequence[str]) -> Mapping[str, CurrentAction]:
        """Return, for each of these VIMs that exists, which action is wanted."""

    async def read_credentials(self, vim_id: str, action_id: str, caller: Caller) -> VimCredentials | BadAction:
        """Return what the action is to log in with, or that it is not wanted, after a committed read (G3).

        Raises PermissionDenied, LoginNotWanted, CredentialsUnreadable.
        """
