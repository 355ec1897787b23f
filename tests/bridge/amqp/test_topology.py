"""What the bridge declares is what a server of oslo.messaging declares that reads the same file."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.bridge.direct import at, clear, declare, write_file
from tests.support.amqp.amqp_tap import Tap, tapped
from tests.support.amqp.brokers import Broker, running_broker
from tests.support.amqp.oslo_client import _PYTHON
from vimesh.bridge.config.deployment import deployment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_SERVER = Path(__file__).parents[2] / "support/amqp/oslo_server_main.py"
_CALLS = "TACKER_CONDUCTOR"
_NO_MATTER = {"ticket", "nowait"}
_QUORUM = {"rabbit_quorum_queue": "true"}
_LIMITS = {
    "rabbit_quorum_delivery_limit": "5",
    "rabbit_quorum_max_memory_length": "1000",
    "rabbit_quorum_max_memory_bytes": "100000",
}
_TRANSIENT = {"rabbit_transient_quorum_queue": "true", "rabbit_transient_queues_ttl": "60"}
OPTIONS = {
    "defaults": {},
    "durable": {"amqp_durable_queues": "true"},
    "auto-delete": {"amqp_auto_delete": "true"},
    "durable-auto-delete": {"amqp_durable_queues": "true", "amqp_auto_delete": "true"},
    "mirrored": {"rabbit_ha_queues": "true"},
    "quorum": _QUORUM,
    "quorum-limits": _QUORUM | _LIMITS,
    "limits-without-quorum": _LIMITS,
    "quorum-durable": _QUORUM | {"amqp_durable_queues": "true"},
    "transient": _TRANSIENT,
    "streams": _QUORUM | _TRANSIENT | {"rabbit_stream_fanout": "true", "rabbit_qos_prefetch_count": "10"},
    "queue-manager": {"use_queue_manager": "true", "processname": "tests"},
    "cancel": {"enable_cancel_on_failover": "true"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Broker]:
    async with running_broker(tmp_path_factory.mktemp("rabbit")) as broker:
        yield broker


@pytest.fixture(scope="module")
def queue_manager_name() -> Iterator[str]:
    name = f"vimesh-{uuid4()}"
    yield name
    Path(f"/dev/shm/{name}_tests_qmanager").unlink(missing_ok=True)  # where it counts


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Process]:
    folder = tmp_path_factory.mktemp("oslo")
    environment = {"PATH": os.environ["PATH"], "OSLO_LOCK_PATH": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *(str(_PYTHON), "-W", "ignore", str(_SERVER)),
        stdin=PIPE,
        stdout=PIPE,
        cwd=folder,
        env=environment,
        start_new_session=True,  # the queue manager asks for the leader of its process group
    )
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
async def test_it_is_what_oslo_messaging_declares(
    broker: Broker, server: Process, queue_manager_name: str, tmp_path: Path, options: dict[str, str]
) -> None:
    options = options | {"hostname": queue_manager_name}
    try:
        async with tapped(broker.port) as tap:
            file = write_file(tmp_path, tap.port, options)
            await serve_once(server, file)
            theirs = _about_calls(tap)
        await clear(at(broker.url))
        async with tapped(broker.port) as tap:
            declared = await declare(deployment(None, [write_file(tmp_path, tap.port, options)]))
            ours = _about_calls(tap)
    finally:
        await clear(at(broker.url))

    assert ours == theirs
    assert len(ours) == 3  # exchange, queue, binding
    assert declared.is_ours


@pytest.mark.parametrize("options", [{}, {"amqp_durable_queues": "true"}, _QUORUM], ids=["plain", "durable", "quorum"])
async def test_a_server_that_comes_later_finds_what_it_wants(
    broker: Broker, server: Process, tmp_path: Path, options: dict[str, str]
) -> None:
    file = write_file(tmp_path, broker.port, options)
    try:
        await declare(deployment(None, [file]))
        await serve_once(server, file)
        again = await declare(deployment(None, [file]))
    finally:
        await clear(at(broker.url))

    assert again.is_ours


async def serve_once(server: Process, file: Path) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{file}\n".encode())
    assert await asyncio.wait_for(server.stdout.readline(), 30) == b"served\n"


def _about_calls(tap: Tap) -> list[str]:
    """Return what was asked for the exchange, the queue of calls and their binding, each once."""
    return sorted(
        {
            f"{method.name} {_sorted(dict(method))}"
            for method in tap.asked
            if getattr(method, "queue", _CALLS) == _CALLS and getattr(method, "exchange", "tacker") == "tacker"
        }
    )


def _sorted(fields: dict[str, object]) -> list[object]:
    return [
        (key, _sorted(value) if isinstance(value, dict) else value or None)
        for key, value in sorted(fields.items())
        if key not in _NO_MATTER
    ]
