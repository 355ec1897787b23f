from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest

from tests.support.networks.name_server import NameServer, name_server
from tests.support.probers.lookups import Lookups, lookups


@pytest.fixture
def server() -> Generator[NameServer]:
    with name_server() as server:
        yield server


@pytest.fixture
async def names(server: NameServer) -> AsyncGenerator[Lookups]:
    with lookups(server.address) as asking:
        yield asking
