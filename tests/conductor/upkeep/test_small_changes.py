"""Small changes fill no disk: events hold what changed, and the log is cut as fast as it grows."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.stores import changes_in, registration, sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.conductor.upkeep.log_compaction import LogCompaction
from vimesh.domain.retention import Retention
from vimesh.runtime.background import beside
from vimesh.store.change_log.log_size import SEGMENT_BYTES
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_CHANGES = 200


def large() -> Struct:
    value = Struct()
    value.update({"a": "\u00e9" * 10_000})
    return value


def file_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


async def describe(client: Client, vim: vim_pb2.Vim, description: str) -> None:
    change = vim_pb2.Vim(id=vim.id, description=description)
    request = pb.ModifyVimRequest(vim=change, update_mask=FieldMask(paths=["description"]))
    await client.vims.ModifyVim(request, timeout=30)


async def test_small_changes_of_a_large_vim_take_little_room(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register(vim_project=large(), placement_attr=large(), extra=large())
        before = await store.logged_bytes()
        for number in range(_CHANGES):
            await describe(client, vim, str(number))
        assert await store.logged_bytes() - before < _CHANGES * 3000

    # Closed, the write-ahead log is part of the file.
    assert file_bytes(tmp_path) < _CHANGES * 3000 + 1_000_000


async def test_a_flood_of_changes_is_dropped_before_the_period_is_over(tmp_path: Path) -> None:
    kept_bytes = 2 * SEGMENT_BYTES
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        compaction = LogCompaction(store, Retention(size_bytes=kept_bytes), period_s=3600.0, check_interval_s=0.01)
        async with beside(compaction.run()):
            for _ in range(40):
                await store.register(registration(extra={"a": "x" * 60_000}, vim_project={"a": "x" * 60_000}))

            async def is_cut() -> bool:
                return await changes_in(store) * 120_000 <= kept_bytes

            await eventually(is_cut, 20)
        assert await changes_in(store) > 0
