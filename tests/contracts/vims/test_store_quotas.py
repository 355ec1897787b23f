"""No project gets more than its quotas, however many conductors write at once; reports are never refused for them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select, update

from tests.support.sql.stores import LOCK_TIMEOUT_S, record, registration, report, store_at
from vimesh.domain.access.quotas import ProjectLimits, ProjectQuota, ProjectUsage, Quotas
from vimesh.domain.errors import ChangeRateExceeded, NameTaken, Quota, QuotaExceeded, VimeshError
from vimesh.domain.retention import Retention
from vimesh.domain.vims import Modification, Registered, Status
from vimesh.store.schema.tables import project_changes
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

EVER = 1e9


def quotas(**limits: int) -> Quotas:
    """Return quotas of all projects but `free`."""
    return Quotas(ProjectLimits(**limits), {"free": ProjectLimits()})


def registered(results: Sequence[Registered | VimeshError]) -> list[bool]:
    return [isinstance(result, Registered) for result in results]


async def fill(store: SqlStore, count: int, project_id: str = "lab") -> list[Registered | VimeshError]:
    return await store.register_many([registration(project_id=project_id) for _ in range(count)])


async def age_changes(store: SqlStore, seconds: float) -> None:
    shift = update(project_changes).values(time=project_changes.c.time - micros(seconds))
    await store._database.write(lambda connection: connection.execute(shift))


async def counted_changes(store: SqlStore) -> int:
    count = select(func.count()).select_from(project_changes)
    return await store._database.read(lambda connection: int(connection.execute(count).scalar_one()))


async def test_conductors_that_write_at_once_do_not_exceed_the_number_of_vims(database_url: str) -> None:
    limits = quotas(vims=5)
    async with (
        store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=limits) as store,
        store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=limits) as other,
    ):

        async def register_until_refused(opened: SqlStore) -> int:
            for count in range(10):
                try:
                    await opened.register(registration(project_id="lab"))
                except QuotaExceeded:
                    return count
            raise AssertionError("nothing was refused")

        counts = await asyncio.gather(register_until_refused(store), register_until_refused(other))

        assert sum(counts) == 5
        assert await store.count_vims() == 5


async def test_a_full_project_says_which_quota_and_gets_vims_again_when_some_are_gone(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(vims=1)) as store:
        vim = await store.register(registration(project_id="lab"))

        with pytest.raises(QuotaExceeded) as refused:
            await store.register(registration(project_id="lab"))
        assert (refused.value.project_id, refused.value.quota, refused.value.limit) == ("lab", Quota.VIMS, 1)
        await store.modify(vim.id, Modification(description="full, but not immutable"))
        await store.deregister(vim.id)
        await store.register(registration(project_id="lab"))


async def test_a_batch_is_refused_entry_by_entry(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(vims=2)) as store:
        batch = [registration(project_id=project_id) for project_id in ("lab", "free", "lab", "lab", "other", "free")]

        results = await store.register_many(batch)

        assert registered(results) == [True, True, True, False, True, True]
        assert isinstance(results[3], QuotaExceeded)


async def test_a_repeated_request_is_answered_and_a_taken_name_is_named_within_the_quota_only(
    database_url: str,
) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(vims=2)) as store:
        request = registration(project_id="lab", name="one", request_id=str(uuid.uuid4()))
        vim = await store.register(request)
        namesake = registration(project_id="lab", name="one")

        [result] = await store.register_many([namesake])
        assert isinstance(result, NameTaken)
        await store.register(registration(project_id="lab"))

        assert (await store.register(request)).id == vim.id
        assert await store.register_many([request]) == [Registered(vim.id, repeated=True)]
        for results in await store.register_many([namesake]), [await refusal_of(store, namesake)]:
            assert isinstance(results[0], QuotaExceeded)


async def refusal_of(store: SqlStore, refused: object) -> VimeshError:
    with pytest.raises(VimeshError) as error:
        await store.register(refused)  # type: ignore[arg-type]  # a Registration
    return error.value


async def test_no_more_changes_than_allowed_are_made_in_a_second(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(changes_per_s=3)) as store:
        results = await fill(store, 5)

        assert registered(results) == [True, True, True, False, False]
        assert isinstance(results[4], ChangeRateExceeded)
        # All changes of a transaction have its time.
        assert results[4].retry_after_s == 1.0

        assert isinstance(results[0], Registered)
        for change in (
            store.modify(results[0].vim_id, Modification(description="too fast")),
            store.deregister(results[0].vim_id),
            store.register(registration(project_id="lab")),
        ):
            with pytest.raises(ChangeRateExceeded) as refused:
                await change
            assert 0.0 < refused.value.retry_after_s <= 1.0

        await age_changes(store, 1.0)
        await store.modify(results[0].vim_id, Modification(description="a second later"))
        await store.deregister(results[0].vim_id)
        assert registered(await fill(store, 2)) == [True, False]


async def test_conductors_that_write_at_once_share_the_changes_of_a_second(database_url: str) -> None:
    limits = quotas(changes_per_s=4)
    async with (
        store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=limits) as store,
        store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=limits) as other,
    ):
        first = await fill(store, 3)
        second = await fill(other, 3)

        assert registered([*first, *second]) == [True, True, True, True, False, False]


async def test_a_modification_without_a_change_and_another_project_are_not_limited(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(changes_per_s=1)) as store:
        vim = await store.register(registration(project_id="lab"))

        await store.modify(vim.id, Modification(name=vim.name))
        assert registered(await fill(store, 1, "other")) == [True]
        assert registered(await fill(store, 5, "free")) == [True] * 5


async def test_after_a_step_of_the_clock_the_future_limits_nothing(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(changes_per_s=2)) as store:
        await fill(store, 2)

        await age_changes(store, -3600)

        assert registered(await fill(store, 1)) == [True]


async def test_large_changes_are_refused_until_the_log_has_dropped_the_oldest(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(event_bytes=20_000)) as store:
        large = registration(project_id="lab", description="d" * 9_000)
        vim = await store.register(large)
        assert registered(await fill(store, 1)) == [True]
        # The change that reaches the limit is the last one. It holds what it replaced, too.
        await store.modify(vim.id, Modification(description="e" * 6_000))

        with pytest.raises(QuotaExceeded) as refused:
            await store.modify(vim.id, Modification(description="f"))
        assert (refused.value.quota, refused.value.limit) == (Quota.EVENT_BYTES, 20_000)
        assert registered(await fill(store, 1)) == [False]
        assert registered(await fill(store, 1, "other")) == [True]

        assert await store.compact(Retention(events=3, age_s=EVER), 100) == 1
        await store.modify(vim.id, Modification(description="g"))


async def test_the_size_of_changes_prevents_neither_reports_nor_removals(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(event_bytes=1)) as store:
        vim = await store.register(registration(project_id="lab"))
        counted = await counted_changes(store)

        await record(store, [report(vim, Status.REACHABLE)])
        await record(store, [report(vim, Status.UNREACHABLE)])

        assert (await store.get(vim.id)).status is Status.UNREACHABLE
        assert await counted_changes(store) == counted == 1
        await store.deregister(vim.id)
        assert await counted_changes(store) == 2


async def test_counted_changes_are_dropped_with_the_log(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(event_bytes=1_000_000)) as store:
        await fill(store, 5)

        await store.compact(Retention(events=2, age_s=EVER), 100)
        assert await counted_changes(store) == 2
        await store.compact(Retention(events=0, age_s=EVER), 100)
        assert await counted_changes(store) == 0
        assert registered(await fill(store, 1)) == [True]


async def test_what_is_not_limited_is_not_counted(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(vims=10)) as store:
        await fill(store, 3)
        await fill(store, 3, "free")

        assert await counted_changes(store) == 0


async def test_what_a_project_has_is_what_it_is_judged_by(database_url: str) -> None:
    limits = ProjectLimits(vims=10, event_bytes=1_000_000, changes_per_s=5)
    async with store_at(
        database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=Quotas(limits, {"free": ProjectLimits()})
    ) as store:
        assert await store.quotas.project_quota("lab") == ProjectQuota("lab", limits, ProjectUsage(0, 0, 0))
        await fill(store, 3)
        await fill(store, 2, "free")

        usage = (await store.quotas.project_quota("lab")).usage
        assert (usage.vims, usage.changes_in_last_s) == (3, 3)
        assert usage.event_bytes == await bytes_of_changes(store)
        await age_changes(store, 1.0)
        await store.compact(Retention(events=3, age_s=EVER), 100)
        later = (await store.quotas.project_quota("lab")).usage
        assert (later.vims, later.changes_in_last_s) == (3, 0)
        assert later.event_bytes == await bytes_of_changes(store) < usage.event_bytes
        assert await store.quotas.project_quota("free") == ProjectQuota(
            "free", ProjectLimits(), ProjectUsage(2, None, None)
        )


async def test_more_than_a_lowered_limit_is_shown(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as store:
        await fill(store, 3)
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas(vims=1)) as store:
        assert (await store.quotas.project_quota("lab")).usage.vims == 3


async def test_refused_changes_are_counted_and_checks_are_not(database_url: str) -> None:
    limits = Quotas(ProjectLimits(vims=1), {"fast": ProjectLimits(changes_per_s=1)})
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=limits) as store:
        await fill(store, 1)
        await refusal_of(store, registration(project_id="lab"))
        await fill(store, 2)
        [registered_vim, refused] = await fill(store, 2, "fast")
        assert isinstance(registered_vim, Registered)
        assert isinstance(refused, ChangeRateExceeded)
        await age_changes(store, 1.0)
        changes = [(registered_vim.vim_id, Modification(description=text)) for text in "ab"]
        for check in (True, False):
            assert isinstance((await store.bulk.modify_many(changes, validate_only=check))[1], ChangeRateExceeded)

        assert store.statistics.quota_refusals == {Quota.VIMS: 3, Quota.CHANGES_PER_S: 2}


async def bytes_of_changes(store: SqlStore) -> int:
    total = select(func.sum(project_changes.c.size))
    return await store._database.read(lambda connection: int(connection.execute(total).scalar_one()))
