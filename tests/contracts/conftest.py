"""Each contract runs on every database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.sql.databases import NAME, POOLED, SERVERS, empty, pooler, server
from tests.support.sql.stores import LOCK_TIMEOUT_S, registration, sqlite_url, store_at
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Vim

_BEHIND_A_POOLER = {
    *("test_store", "test_store_bulk", "test_store_changes", "test_store_hints"),
    *("test_store_modify", "test_store_reports"),
}
"""What runs there without --poolers: a transaction of each kind, and none that only repeats it."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" not in metafunc.fixturenames or _chosen(metafunc):
        return
    kinds = ["sqlite", *SERVERS]
    if metafunc.config.getoption("--poolers"):
        kinds += POOLED
    elif metafunc.module.__name__.rpartition(".")[2] in _BEHIND_A_POOLER:
        kinds.append("pgbouncer-transaction")
    metafunc.parametrize("database_url", kinds, indirect=True)


def _chosen(metafunc: pytest.Metafunc) -> bool:
    """Say whether the test itself says which databases it is for."""
    return any("database_url" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(request: pytest.FixtureRequest) -> AsyncGenerator[dict[str, str]]:
    """Run a server of each kind for as long as the tests run; yields the URLs of their databases.

    None is started if all tests that were chosen run on SQLite.
    """
    chosen = [item for item in request.session.items if item.path.is_relative_to(Path(__file__).parent)]
    specs = [getattr(item, "callspec", None) for item in chosen]
    if all(spec is not None and spec.params.get("database_url") == "sqlite" for spec in specs):
        yield {}
        return
    async with AsyncExitStack() as running:
        nodes = {kind: await running.enter_async_context(server(kind)) for kind in SERVERS}
        urls = {kind: node.url for kind, node in nodes.items()}
        for kind in POOLED:
            before = await running.enter_async_context(pooler(nodes["postgresql"], kind.partition("-")[2]))
            urls[kind] = before.url(NAME)
        yield urls


@pytest.fixture
async def database_url(request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, str]) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "vimesh.sqlite")
    # Not by the pooler: the driver would have to be told of it.
    await empty(servers["postgresql" if request.param in POOLED else request.param])
    return f"{servers[request.param]}?connect_timeout={LOCK_TIMEOUT_S:g}"


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[VimStore]:
    is_on_server = not database_url.startswith("sqlite:")
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, has_tables=is_on_server) as opened:
        yield opened


@pytest.fixture
async def vim(store: VimStore) -> Vim:
    return await store.register(registration())
