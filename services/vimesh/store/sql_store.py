"""Implements the VIM store on a SQL database."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Never, cast

from sqlalchemy import select

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.access.vim_credentials import VimCredentials
from vimesh.domain.actions import Action, ActionScope, CurrentAction, Shard
from vimesh.domain.availability.availability_store import AvailabilityStore
from vimesh.domain.bulk.bulk_store import BulkStore
from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import QuotaExceeded, VimeshError
from vimesh.domain.events import LogSpan, VimEvent
from vimesh.domain.fleet.fleet_status import FleetStatus
from vimesh.domain.fleet.process_announcements import Announcement
from vimesh.domain.fleet.store_statistics import DatabaseGauges, StoreStatistics, VimLabels, VimSample
from vimesh.domain.queries import VimPage, VimQuery
from vimesh.domain.retention import Retention, in_batches
from vimesh.domain.todos import ClaimedTodo
from vimesh.domain.vims import BadAction, Modification, Outcome, Registered, Registration, Repeat, Report, Standing, Vim
from vimesh.runtime.background import beside
from vimesh.store import compact_log
from vimesh.store.as_of.sql_as_of_store import SqlAsOfStore
from vimesh.store.availability.sql_availability_store import SqlAvailabilityStore
from vimesh.store.bulk.sql_bulk_store import SqlBulkStore
from vimesh.store.causes.sql_cause_store import SqlCauseStore
from vimesh.store.change_log import log_size, read_log
from vimesh.store.conditions.sql_condition_store import SqlConditionStore
from vimesh.store.databases.open_database import open_database, parse_database_url
from vimesh.store.explain.sql_explain_store import SqlExplainStore
from vimesh.store.filters.sql_filter_store import SqlFilterStore
from vimesh.store.fleet import announced_processes
from vimesh.store.fleet.read_fleet_status import read_fleet_status
from vimesh.store.gauges.read_gauges import read_gauges
from vimesh.store.gauges.read_samples import read_all_labels, read_labels, read_samples
from vimesh.store.history.sql_history_store import SqlHistoryStore
from vimesh.store.leases import lapse_leases, replace_silent
from vimesh.store.maintenance.sql_maintenance_store import SqlMaintenanceStore
from vimesh.store.notifications.sql_delivery_store import SqlDeliveryStore
from vimesh.store.notifications.sql_receiver_store import SqlReceiverStore
from vimesh.store.pool.sql_pool_store import SqlPoolStore
from vimesh.store.reports.report_pipeline import ReportPipeline
from vimesh.store.reports.standing_cache import CachedRepeat
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_secrets import gives_secrets
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.todos import claim_todos, finish_todos
from vimesh.store.transactions.database import Database, T, Work
from vimesh.store.transactions.rehearsals import rehearse
from vimesh.store.views import silent_views
from vimesh.store.vims import list_vims, read_vims, request_ids
from vimesh.store.vims.modify_vim import explain_conflict as explain_modification
from vimesh.store.vims.modify_vim import modify
from vimesh.store.vims.read_credentials import read_credentials
from vimesh.store.vims.register_many import encrypt_registrations, register_many
from vimesh.store.vims.register_vim import deregister, register
from vimesh.store.vims.register_vim import explain_conflict as explain_registration
from vimesh.store.vims.sql_quota_store import SqlQuotaStore

_CLOCK = select(NowMicros())


class SqlStore:
    """Implements VimStore. Any number of processes may use the same database."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        quotas: Quotas | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._quotas = quotas or Quotas()
        self._jitter = jitter
        self._reports = ReportPipeline(database)
        self.availability: AvailabilityStore = SqlAvailabilityStore(database)
        self.as_of = SqlAsOfStore(database)
        self.filters = SqlFilterStore(database)
        self.maintenance = SqlMaintenanceStore(database)
        self.history = SqlHistoryStore(database)
        self.quotas = SqlQuotaStore(database, self._quotas)
        self.receivers = SqlReceiverStore(database, cipher, self._note_removal)
        self.pool = SqlPoolStore(database)
        self.causes = SqlCauseStore(database)
        self.explanations = SqlExplainStore(database)
        self.conditions = SqlConditionStore(database)
        self.deliveries = SqlDeliveryStore(database, cipher)
        # A process before this one may have ended before it erased anything.
        self._has_removed = True
        self.bulk: BulkStore = SqlBulkStore(database, cipher, self._quotas, self._note_removal, self.register_many)

    def _note_removal(self) -> None:
        self._has_removed = True

    async def serve_reports(self) -> None:
        """Serve `record_reports` and `record_repeats` until cancelled."""
        await self._reports.run()

    async def register(
        self, registration: Registration, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> Vim:
        return await self._change(
            validate_only,
            lambda c: register(c, registration, self._cipher, caller, quotas=self._quotas),
            lambda c: explain_registration(c, registration),
        )

    async def register_many(
        self, registrations: Sequence[Registration], caller: Caller = OPEN_CALLER
    ) -> list[Registered | VimeshError]:
        # In a thread, before the transaction: neither the event loop nor other writers should wait for the encryption.
        batch = await asyncio.to_thread(encrypt_registrations, registrations, self._cipher)
        outcomes = await self._database.write(
            lambda c: register_many(c, batch, self._cipher, caller, quotas=self._quotas)
        )
        self.statistics.count_quota_refusals(outcomes)
        return outcomes

    async def get(self, vim_id: str, caller: Caller = OPEN_CALLER) -> Vim:
        return await self._database.read(lambda c: read_vims.get(c, vim_id, caller))

    async def list_vims(self, query: VimQuery) -> VimPage:
        return await self._database.browse(lambda c: list_vims.page(c, query))

    async def modify(
        self, vim_id: str, modification: Modification, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> Vim:
        try:
            return await self._change(
                validate_only,
                lambda c: modify(c, vim_id, modification, self._cipher, caller, quotas=self._quotas),
                lambda c: explain_modification(c, vim_id, modification),
            )
        finally:
            self._has_removed |= not validate_only and gives_secrets(modification)

    async def deregister(self, vim_id: str, caller: Caller = OPEN_CALLER, *, validate_only: bool = False) -> str:
        try:
            return await self._change(validate_only, lambda c: deregister(c, vim_id, caller, quotas=self._quotas))
        finally:
            self._has_removed |= not validate_only

    async def _change(self, validate_only: bool, work: Work[T], conflict: Work[object] | None = None) -> T:
        if validate_only:
            return await rehearse(self._database, work, conflict)
        try:
            return await self._database.write(work, conflict)
        except QuotaExceeded as error:
            self.statistics.count_quota_refusals([error])
            raise

    async def erase_removed(self) -> None:
        if not self._has_removed:
            return
        self._has_removed = False
        try:
            await in_batches(self._empty_fingerprints)
            await self._database.erase_removed()
        except BaseException:
            self._has_removed = True
            raise

    async def _empty_fingerprints(self, limit: int) -> int:
        request_ids_of_gone = await self._database.browse(lambda c: request_ids.ids_of_gone_vims(c, limit))
        if request_ids_of_gone:
            await self._database.write(lambda c: request_ids.empty_fingerprints(c, request_ids_of_gone))
        return len(request_ids_of_gone)

    async def record_reports(self, reports: Sequence[Report], *, contact_within_s: float) -> list[Outcome]:
        """Return the outcomes once they are committed. Raises Overloaded if too many reports are waiting."""
        if not reports:
            return []
        return await self._reports.record_reports(list(zip(reports, itertools.repeat(contact_within_s))))

    @property
    def cached_standings(self) -> Mapping[str, Standing]:
        return self._reports.cache.snapshot.standings

    async def record_repeats(self, repeats: Sequence[Repeat]) -> bool:
        """Return whether all repeats match the record. Raises Overloaded if too many repeats are waiting."""
        if not repeats:
            return True
        # The caller got these standings from `cached_standings`, which contains only CachedStanding.
        return await self._reports.record_repeats(cast("Sequence[CachedRepeat]", repeats))

    async def record_lapses(self, limit: int) -> int:
        # Usually no lease has ended, and these checks do not lock out other writers. Views come first: then it is on
        # record what follows from them.
        count = 0
        if await self._database.read(silent_views.has_silent_views):
            count = await self._database.write(lambda c: silent_views.record_silent_views(c, limit))
        if count < limit and await self._database.read(lapse_leases.has_silent):
            count += await self._database.write(lambda c: lapse_leases.record_lapses(c, limit - count))
        return count

    async def replace_silent(self, limit: int) -> int:
        count = 0
        if await self._database.read(replace_silent.has_replaceable):
            count = await self._database.write(lambda c: replace_silent.replace_silent(c, limit))
        if count < limit and await self._database.read(silent_views.has_replaceable_views):
            count += await self._database.write(lambda c: silent_views.replace_silent_views(c, limit - count))
        return count

    async def compact(self, retention: Retention, limit: int) -> int:
        return await compact_log.drop(self._database, retention, limit)

    async def forget_requests(self) -> int:
        before = await self._database.browse(request_ids.retention_start)

        async def forget(_: int) -> int:
            if not await self._database.read(lambda c: request_ids.has_older(c, before)):
                return 0
            return await self._database.write(lambda c: request_ids.delete_older(c, before))

        return await in_batches(forget)

    async def logged_bytes(self) -> int:
        return await self._database.read(log_size.read_written_bytes)

    async def clock(self) -> dt.datetime:
        return await self._database.read(lambda c: moment(c.execute(_CLOCK).scalar_one()))

    async def count_vims(self) -> int:
        return await self._database.read(read_vims.count)

    async def claim_todos(self, claimant: str, limit: int, lease_s: float) -> list[ClaimedTodo]:
        if not await self._database.read(claim_todos.has_due):
            return []
        return await self._database.write(lambda c: claim_todos.claim(c, claimant, limit, lease_s))

    async def finish_todo(
        self, todo_id: str, claim_token: str, *, error: str = "", retry_after_s: float | None = None
    ) -> None:
        if error:
            jitter = self._jitter()
            # Engines quote URLs, and people see the error on the VIM.
            error = mask_text(error)
            await self._database.write(lambda c: finish_todos.reschedule_failed(c, todo_id, claim_token, error, jitter))
        elif retry_after_s is not None:
            await self._database.write(lambda c: finish_todos.postpone(c, todo_id, claim_token, retry_after_s))
        else:
            await self._database.write(lambda c: finish_todos.finish(c, todo_id, claim_token))

    @property
    def statistics(self) -> StoreStatistics:
        return self._database.statistics

    async def read_gauges(self) -> DatabaseGauges:
        return await self._database.browse(read_gauges)

    async def read_samples(self, shard: Shard, after: int, limit: int) -> list[VimSample]:
        return await self._database.browse(lambda c: read_samples(c, shard, after, limit))

    async def announce_process(self, announcement: Announcement, identity: str) -> None:
        await self._database.write(lambda c: announced_processes.announce(c, announcement, identity))

    async def withdraw_process(self, process_id: str, identity: str) -> None:
        await self._database.write(lambda c: announced_processes.withdraw(c, process_id, identity))

    async def fleet_status(self, projects: Collection[str] | None, *, whole: bool) -> FleetStatus:
        begun_at = time.monotonic()
        await self.clock()
        latency_s = time.monotonic() - begun_at
        return await self._database.browse(lambda c: read_fleet_status(c, projects, latency_s if whole else None))

    async def read_labels(self, numbers: Sequence[int]) -> list[VimLabels]:
        return await self._database.browse(lambda c: read_labels(c, numbers))

    async def read_all_labels(self, shard: Shard) -> list[VimLabels]:
        return await self._database.browse(lambda c: read_all_labels(c, shard))

    async def require_writable(self) -> None:
        await self._database.require_writable()

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        await self._database.watch_commits(on_commit)

    async def span(self) -> LogSpan:
        return await self._database.read(read_log.read_span, urgent=True)

    async def events_after(self, revision: int, limit: int, log_id: str = "") -> list[VimEvent]:
        return await self._database.read(lambda c: read_log.read_events_after(c, revision, limit, log_id))

    async def events_of(
        self, vim_id: str, page_size: int, page_token: str, caller: Caller = OPEN_CALLER
    ) -> tuple[list[VimEvent], str]:
        return await self._database.browse(
            lambda c: read_log.read_events_page(c, vim_id, page_size, page_token, caller.projects)
        )

    async def vims_after(self, vim_id: str, limit: int, project_id: str = "") -> list[Vim]:
        return await self._database.browse(lambda c: read_vims.after(c, vim_id, limit, project_id))

    async def actions_after(self, scope: ActionScope, vim_id: str, limit: int) -> list[Action]:
        return await self._database.browse(lambda c: read_vims.actions_after(c, scope, vim_id, limit))

    async def actions_of(self, vim_ids: Sequence[str]) -> list[Action]:
        return await self._database.read(lambda c: read_vims.actions_of(c, vim_ids))

    async def wanted_actions(self, vim_ids: Sequence[str]) -> Mapping[str, CurrentAction]:
        return await self._database.read(lambda c: read_vims.wanted_actions(c, vim_ids))

    async def read_credentials(self, vim_id: str, action_id: str, caller: Caller) -> VimCredentials | BadAction:
        return await self._database.read(lambda c: read_credentials(c, vim_id, action_id, self._cipher, caller))


@asynccontextmanager
async def sql_store(
    database_url: str,
    cipher: Cipher,
    *,
    quotas: Quotas | None = None,
    lock_timeout_s: float = 5.0,
) -> AsyncGenerator[SqlStore]:
    """Open the store. The database need not be reachable, now or later: then calls raise StoreUnavailable.

    A call waits up to `lock_timeout_s` for its turn in this process, and as long for a writer in another process.
    Raises BadSetting for an invalid URL. Does not check the tables: `manage_tables.check` does.
    """
    async with open_database(parse_database_url(database_url, lock_timeout_s)) as database:
        store = SqlStore(database, cipher, quotas)
        async with beside(store.serve_reports()):
            yield store
