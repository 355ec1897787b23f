from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest

from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.networks.namespaces import Namespace, namespace
from tests.support.networks.requiring import require_namespaces
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting


@pytest.fixture
async def verdicts() -> Verdicts:
    return Verdicts()


@pytest.fixture
async def host(verdicts: Verdicts) -> AsyncGenerator[ActionHost]:
    with hosting(verdicts.note, loopback_settings(user_agent="vimesh/test")) as made:
        yield made


@pytest.fixture
async def api() -> AsyncGenerator[FakeApi]:
    async with fake_api() as made:
        yield made


@pytest.fixture
def machine() -> Generator[Namespace]:
    require_namespaces()
    with namespace() as made:
        yield made


@pytest.fixture
def strict_machine() -> Generator[Namespace]:
    """One that lets no process open ICMP datagram sockets: the kernel's own default."""
    require_namespaces()
    with namespace(pings_for_all=False) as made:
        yield made
