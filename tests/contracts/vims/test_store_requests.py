"""What every VimStore keeps of requests is bounded, by age and by number."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from tests.support.sql.stores import registration
from vimesh.domain.errors import NameTaken
from vimesh.store.schema.tables import requests
from vimesh.store.sql_store import SqlStore
from vimesh.store.vims.request_ids import RETENTION_MICROS, delete_older, retention_start


async def known(store: SqlStore) -> set[str]:
    return set(await store._database.read(lambda c: c.execute(select(requests.c.request_id)).scalars().all()))


async def grow_old(store: SqlStore, request_id: str, micros: int) -> None:
    older = (
        update(requests).where(requests.c.request_id == request_id).values(create_time=requests.c.create_time - micros)
    )
    await store._database.write(lambda c: c.execute(older))


async def test_requests_are_forgotten_after_a_day(store: SqlStore) -> None:
    for number in range(6):
        await store.register(registration(request_id=str(number)))
    for number in range(3):
        await grow_old(store, str(number), RETENTION_MICROS + 1)

    assert await store.forget_requests() == 3
    assert await known(store) == {"3", "4", "5"}
    assert await store.forget_requests() == 0


async def test_the_oldest_requests_are_forgotten_when_they_are_many(store: SqlStore) -> None:
    wanted = [registration(request_id=str(number)) for number in range(6)]
    for one in wanted:
        await store.register(one)
    for number in range(6):
        await grow_old(store, str(number), 60_000_000 * (6 - number))

    before = await store._database.read(lambda c: retention_start(c, 2))
    assert await store._database.write(lambda c: delete_older(c, before)) == 4

    assert await known(store) == {"4", "5"}
    assert await store._database.read(lambda c: retention_start(c, 2)) < before
    with pytest.raises(NameTaken):
        await store.register(wanted[0])
