"""Callers share transactions, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from vimesh.domain.errors import Overloaded, StoreUnavailable
from vimesh.domain.vims import Outcome, Recorded, Report, Status
from vimesh.store.reports.group_commit import Contact, GroupCommit


class Transactions:
    """Stands where the database is: each transaction waits until it is let go."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Semaphore(0)
        self.error: Exception | None = None
        self.poison = ""

    async def commit(self, contacts: Sequence[Contact]) -> list[Outcome]:
        self.seen.append([contact[0].vim_id for contact in contacts])
        self.begun.set()
        await self.gate.acquire()
        if self.error is not None:
            raise self.error
        if self.poison in self.seen[-1]:
            raise OverflowError
        return [Recorded(contact[0].status) for contact in contacts]


@asynccontextmanager
async def running(group: GroupCommit[Contact, Outcome]) -> AsyncGenerator[None]:
    task = asyncio.create_task(group.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def said(*vim_ids: str) -> list[Contact]:
    return [(Report(vim_id, "a", Status.REACHABLE), 30.0) for vim_id in vim_ids]


async def begun(
    group: GroupCommit[Contact, Outcome], transactions: Transactions, *vim_ids: str
) -> asyncio.Task[list[Outcome]]:
    """Call `submit`, and return when its reports have reached the queue or the database."""
    call = asyncio.create_task(group.submit(said(*vim_ids)))
    for _ in range(3):
        await asyncio.sleep(0)
    await transactions.begun.wait()
    return call


async def test_who_comes_during_a_transaction_shares_the_next() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit)
    async with running(group):
        calls = [await begun(group, transactions, *ids) for ids in (["a"], ["b", "c"], ["d"])]
        transactions.gate.release()
        transactions.gate.release()

        assert await asyncio.gather(*calls) == [[Recorded(Status.REACHABLE)] * count for count in (1, 2, 1)]

    assert transactions.seen == [["a"], ["b", "c", "d"]]


async def test_calls_that_come_one_by_one_share_a_transaction() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit)
    async with running(group):
        calls = []
        for vim_id in "abcdef":
            calls.append(asyncio.create_task(group.submit(said(vim_id))))
            for _ in range(4):
                await asyncio.sleep(0)
        transactions.gate.release()
        await asyncio.gather(*calls)

    assert transactions.seen == [list("abcdef")]


async def test_calls_that_never_cease_do_not_keep_the_first_waiting() -> None:
    now = 0.0
    transactions = Transactions()
    group = GroupCommit(transactions.commit, clock=lambda: now)
    calls = []
    async with running(group):
        while not transactions.seen:
            now += 0.001
            calls.append(asyncio.create_task(group.submit(said("a"))))
            await asyncio.sleep(0)
        transactions.gate.release()
        await calls[0]
        for call in calls:
            call.cancel()

    assert 2 <= len(transactions.seen[0]) <= 12


async def test_a_call_of_many_waits_for_no_other() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit)
    many = [str(number) for number in range(100)]
    async with running(group):
        call = asyncio.create_task(group.submit(said(*many)))
        for _ in range(4):
            await asyncio.sleep(0)
        assert transactions.seen == [many]
        transactions.gate.release()
        await call


async def test_a_transaction_is_bounded_but_a_call_is_never_split() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit, max_group=2)
    async with running(group):
        calls = [await begun(group, transactions, *ids) for ids in (["a"], ["b"], ["c"], ["d", "e", "f"], ["g"])]
        for _ in calls:
            transactions.gate.release()
        await asyncio.gather(*calls)

    assert transactions.seen == [["a"], ["b", "c"], ["d", "e", "f"], ["g"]]


async def test_a_queue_is_bounded() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit, max_waiting=2)
    async with running(group):
        calls = [await begun(group, transactions, *ids) for ids in (["a"], ["b", "c"])]
        with pytest.raises(Overloaded):
            await group.submit(said("d"))
        transactions.gate.release()
        transactions.gate.release()
        await asyncio.gather(*calls)
        transactions.gate.release()
        assert await group.submit(said("d"))


async def test_trouble_goes_to_all_of_the_group_and_none_after() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit)
    cause = OSError()
    transactions.error = StoreUnavailable()
    transactions.error.__cause__ = cause
    async with running(group):
        calls = [await begun(group, transactions, vim_id) for vim_id in "abc"]
        transactions.gate.release()
        transactions.gate.release()
        failures = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(failure, StoreUnavailable) and failure.__cause__ is cause for failure in failures)
        transactions.error = None
        transactions.gate.release()

        assert await group.submit(said("d"))


async def test_overload_is_told_to_all_of_the_group_and_nothing_is_tried_again() -> None:
    transactions = Transactions()
    transactions.error = Overloaded()
    group = GroupCommit(transactions.commit)
    async with running(group):
        calls = [await begun(group, transactions, vim_id) for vim_id in "abc"]
        transactions.gate.release()
        transactions.gate.release()
        failures = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(failure) for failure in failures] == [Overloaded] * 3
    assert transactions.seen == [["a"], ["b", "c"]]


async def test_a_report_that_cannot_be_stored_fails_its_own_call_only() -> None:
    transactions = Transactions()
    transactions.poison = "c"
    group = GroupCommit(transactions.commit)
    async with running(group):
        calls = [await begun(group, transactions, vim_id) for vim_id in "abcd"]
        for _ in range(9):
            transactions.gate.release()
        _, b, c, d = await asyncio.gather(*calls, return_exceptions=True)

    assert b == d == [Recorded(Status.REACHABLE)]
    assert isinstance(c, OverflowError)


async def test_who_gave_up_is_left_out() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit)
    async with running(group):
        calls = [await begun(group, transactions, vim_id) for vim_id in "abc"]
        calls[0].cancel()
        calls[1].cancel()
        transactions.gate.release()
        transactions.gate.release()
        assert await calls[2]

    assert transactions.seen == [["a"], ["c"]]


async def test_nobody_is_left_waiting_at_the_end() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.commit)
    async with running(group):
        calls = [await begun(group, transactions, vim_id) for vim_id in "ab"]
    failures = await asyncio.gather(*calls, group.submit(said("c")), return_exceptions=True)

    assert [type(failure) for failure in failures] == [StoreUnavailable] * 3
