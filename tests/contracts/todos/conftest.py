from __future__ import annotations

import pytest

from tests.support.sql.stores import registration
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Vim


@pytest.fixture
async def vim(store: VimStore) -> Vim:
    return await store.register(registration(engine=Engine.MISTRAL))
